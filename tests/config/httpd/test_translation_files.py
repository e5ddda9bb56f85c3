"""Files of Alias: shown only where nothing could keep anybody from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from panolb.config.httpd.imported import Imported
from panolb.config.httpd.known import Verdict
from tests.harness.httpdconf import MEMBERS, PASS

Translate = Callable[..., Imported]

OPEN = "<Directory {0}>\nRequire all granted\n</Directory>\n"
CLOSED_ROOT = "<Directory />\nRequire all denied\n</Directory>\n"

SERVED = [
    "",
    OPEN,
    CLOSED_ROOT + OPEN,
    "<Directory {0}>\nOrder allow,deny\nAllow from all\n</Directory>\n",
    "<Directory {0}>\nAllowOverride None\nOptions Indexes FollowSymLinks MultiViews\nRequire all granted\n</Directory>\n",
    "<Directory {0}>\nOptions -Indexes\nDirectoryIndex index.html\n<RequireAll>\nRequire all granted\n</RequireAll>\n</Directory>\n",
    "<Directory />\nAllowOverride All\n</Directory>\n<Directory {0}>\nAllowOverride None\n</Directory>\n",
    "<Files .ht*>\nRequire all denied\n</Files>\n" + OPEN,
    '<FilesMatch "^\\.ht">\nRequire all denied\n</FilesMatch>\n' + OPEN,
    '<DirectoryMatch "/\\.git">\nRequire all denied\n</DirectoryMatch>\n' + OPEN,
    "<Directory {0}>\n<Files .htaccess>\nRequire all denied\n</Files>\n</Directory>\n",
    "<Directory /elsewhere>\nRequire all denied\nAllowOverride All\nSetHandler x\n</Directory>\n",
    "AddHandler type-map var\nAddType text/html .shtml\nAddOutputFilter INCLUDES .shtml\n",
    '<FilesMatch "\\.css$">\nExpiresActive On\n</FilesMatch>\n',
]
HIDDEN = [
    CLOSED_ROOT,
    CLOSED_ROOT + "<Directory {0}>\nAllow from all\n</Directory>\n",
    CLOSED_ROOT + "<Directory /*>\nRequire all granted\n</Directory>\n",
    "<Directory {0}>\nAuthType Basic\nRequire valid-user\n</Directory>\n",
    "<Directory {0}>\nOrder allow,deny\n</Directory>\n",
    "<Directory {0}>\nOrder mutual-failure\nAllow from all\n</Directory>\n",
    "<Directory {0}>\nOrder deny,allow\nDeny from 10.0.0.0/8\n</Directory>\n",
    "<Directory {0}>\nRequire all granted\nRequire ip 10.0.0.0/8\n</Directory>\n",
    "<Directory {0}/inner>\nRequire all denied\n</Directory>\n",
    "<Directory {0}>\n<Limit GET>\nRequire all granted\n</Limit>\n</Directory>\n",
    "<Directory {0}>\n<RequireNone>\nRequire all granted\n</RequireNone>\n</Directory>\n",
    "<Directory {0}>\nAllowOverride All\nRequire all granted\n</Directory>\n",
    "<Directory {0}/inner>\nAllowOverride AuthConfig\n</Directory>\n",
    "<Directory {0}>\nAllowOverrideList Require\n</Directory>\n",
    "<Directory {0}>\nOptions -FollowSymLinks\n</Directory>\n",
    "<Directory {0}>\nOptions SymLinksIfOwnerMatch\n</Directory>\n",
    "Options None\n",
    "<Directory {0}>\nOptions +Includes\n</Directory>\n",
    "<Directory {0}>\nSatisfy Any\nRequire all granted\n</Directory>\n",
    "<Directory {0}>\nRewriteEngine On\nRewriteRule \\.bak$ - [F]\n</Directory>\n",
    "<Directory {0}>\nRedirectMatch 404 x\n</Directory>\n",
    "<Files *.bak>\nRequire all denied\n</Files>\n" + OPEN,
    "<Directory {0}>\n<Files *.bak>\nDeny from all\n</Files>\n</Directory>\n",
    '<FilesMatch "^\\.ht|bak$">\nRequire all denied\n</FilesMatch>\n' + OPEN,
    "<DirectoryMatch secret>\nRequire all denied\n</DirectoryMatch>\n" + OPEN,
    '<Directory ~ "secret">\nRequire all denied\n</Directory>\n' + OPEN,
    '<FilesMatch "\\.php$">\nSetHandler application/x-httpd-php\n</FilesMatch>\n' + OPEN,
    "AddHandler cgi-script .cgi\n",
    "AddType application/x-httpd-php .php\n",
    "<Location /static>\nAddHandler cgi-script .cgi\n</Location>\n",
]


@pytest.mark.parametrize(
    ("sections", "served"), [*((one, True) for one in SERVED), *((one, False) for one in HIDDEN)]
)
def test_files_of_an_alias(translate: Translate, tmp_path: Path, sections: str, served: bool) -> None:
    """Served when nothing could keep anybody from them, or make of them what they are not; else 404, and told."""
    (tmp_path / "static").mkdir()
    text = f"{MEMBERS}{PASS}Alias /static static\n" + sections.replace("{0}", str(tmp_path / "static"))
    imported = translate(text)
    found = [one.files for one in imported.config.location if one.files]
    assert found == ([f"{tmp_path}/static"] if served else [])
    verdicts = [one.verdict for one in imported.report.entries if one.name == "Alias"]
    assert verdicts == [Verdict.RUN if served else Verdict.UNSUPPORTED]


@pytest.mark.parametrize("line", ["Alias /static/inner secret", "ScriptAlias /static/inner secret"])
def test_paths_that_are_not_served_within_those_that_are(
    translate: Translate, tmp_path: Path, line: str
) -> None:
    """They are not answered with the files of the outer one."""
    (tmp_path / "static" / "inner").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    closed = f"<Directory {tmp_path}/secret>\nRequire all denied\n</Directory>\n"
    text = f"{MEMBERS}{PASS}{line}\nAlias /static static\n{closed}"
    assert [(one.name, one.status, one.files) for one in translate(text).config.location] == [
        ("/app", None, None),
        ("/static/inner", 404, None),
        ("/static", None, f"{tmp_path}/static"),
    ]


@pytest.mark.parametrize("section", ["LocationMatch \\.png$", "Location /static/x", "Location /"])
def test_settings_for_files(translate: Translate, tmp_path: Path, section: str) -> None:
    """Files are sent as they are; that is told, and nothing is split off that nobody could serve."""
    (tmp_path / "static").mkdir()
    rule = f"<{section}>\nHeader set X-A b\n</{section.partition(' ')[0]}>\n"
    imported = translate(f"Alias /static static\n{rule}{MEMBERS}{PASS}")
    files = [one for one in imported.config.location if one.files]
    assert [(one.path, one.match) for one in files] == [("/static", None)]
    assert [one.verdict for one in imported.report.entries if one.name == "Header"] == [Verdict.UNSUPPORTED]


def test_an_exception_by_an_expression(translate: Translate, tmp_path: Path) -> None:
    """What ProxyPassMatch lets through to files is 404, and told."""
    (tmp_path / "static").mkdir()
    imported = translate(f"Alias /app/static static\n{MEMBERS}ProxyPassMatch \\.png$ !\n{PASS}")
    assert [(one.name, one.files) for one in imported.config.location] == [(r"\.png$", None), ("/app", None)]
    assert imported.report.of(Verdict.UNSUPPORTED)[0].name == "ProxyPassMatch"


def test_error_pages_that_may_be_programs(translate: Translate, tmp_path: Path) -> None:
    """Their source is not shown."""
    (tmp_path / "404.php").write_text("<?php $password = 1;")
    imported = translate(f"DocumentRoot .\nErrorDocument 404 /404.php\n{MEMBERS}{PASS}")
    assert imported.config.location[0].error_pages == {}
    assert [one.name for one in imported.report.of(Verdict.UNSUPPORTED)] == ["ErrorDocument"]


def test_files_that_are_not_there(translate: Translate) -> None:
    """Said, and 404."""
    imported = translate(f"Alias /static nowhere\n{MEMBERS}{PASS}")
    assert len(imported.config.location) == 1
    assert any("There is no directory" in one.words for one in imported.report.of(Verdict.UNSUPPORTED))


def test_programs(translate: Translate) -> None:
    """The ScriptAlias that comes with Apache does not keep anybody from starting."""
    imported = translate(f'ScriptAlias /cgi-bin/ "/srv/cgi-bin/"\n{MEMBERS}{PASS}')
    assert len(imported.config.location) == 1
    assert [one.name for one in imported.report.of(Verdict.UNSUPPORTED)] == ["ScriptAlias"]


def test_an_exception_for_files(translate: Translate, tmp_path: Path) -> None:
    """``ProxyPass ... !`` with an Alias: the files are served."""
    (tmp_path / "static").mkdir()
    text = f"{MEMBERS}Alias /app/static static\nProxyPass /app/static !\n{PASS}"
    assert [(one.name, one.files or one.balancer) for one in translate(text).config.location] == [
        ("/app/static", f"{tmp_path}/static"),
        ("/app", "c"),
    ]
