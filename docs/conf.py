"""Sphinx's configuration; ``make docs`` builds the pages."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import panolb

project = "panolb"
author = "the panolb developers"
copyright = author
version = release = panolb.__version__

extensions: list[str] = []
exclude_patterns = ["_build"]
nitpicky = True

html_theme = "alabaster"
html_theme_options = {"description": "A sticky load balancer for stateful, WebSocket-heavy dashboards"}
html_show_copyright = False
html_copy_source = False
