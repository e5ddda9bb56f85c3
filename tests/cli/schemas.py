"""Holds what a command says to programs against the OpenAPI document of the panolb that it asks."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator

from tests.harness.control import Control


def check(control: Control, said: Any, path: str, method: str = "get", status: int = 200) -> None:
    """It is what the API answers there."""
    document = control.get("/api/v1/openapi.json")
    (found,) = (one for place, one in document["paths"].items() if place.removeprefix("/api/v1") == path)
    (content,) = found[method]["responses"][str(status)]["content"].values()
    Draft202012Validator({**content["schema"], "components": document["components"]}).validate(said)
