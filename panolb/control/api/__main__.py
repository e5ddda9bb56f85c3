"""Prints the OpenAPI document: ``python -m panolb.control.api > docs/openapi.json``."""

from .openapi import text

print(text(), end="")
