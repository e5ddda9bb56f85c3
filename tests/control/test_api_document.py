"""The OpenAPI document: it is one, it is published, and it is made of what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from panolb.control.api.openapi import text
from panolb.control.api.routes import Api
from panolb.control.api.table import CALLS
from panolb.events import EVENTS
from tests.control.contract import operations, published

PUBLISHED = Path(__file__).parents[2] / "docs" / "openapi.json"


def test_it_is_published() -> None:
    """python -m panolb.control.api > docs/openapi.json"""
    assert PUBLISHED.read_text() == text()


def test_every_route_is_in_it() -> None:
    """And nothing else."""
    rules = Api(None)._routes().url_map.iter_rules()  # type: ignore[arg-type]  # nobody asks
    routes = {
        (method, re.sub(r"<\w+:(\w+)>", r"{\1}", rule.rule).removeprefix("/api/v1"))
        for rule in rules
        for method in rule.methods or ()
        if method != "HEAD"
    }
    assert routes == operations()


def test_its_schemas_are_schemas() -> None:
    """As JSON Schema 2020-12, which OpenAPI 3.1 uses, and each reference leads somewhere."""
    document = published()
    shapes = document["components"]["schemas"]
    for schema in shapes.values():
        Draft202012Validator.check_schema(schema)
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert references == set(shapes)


def test_every_event_is_in_it() -> None:
    """By its name; that the names are those of the log holds a test of their table."""
    events = published()["paths"]["/events"]["get"]["responses"]["200"]
    assert "#/components/schemas/Event" in json.dumps(events)
    described = published()["components"]["schemas"]["Event"]["properties"]["event"]["description"]
    assert set(EVENTS) == set(re.findall(r"[a-z_]+[.][a-z_]+|starting|stopping|stopped", described))


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_its_names_are_names(call: object) -> None:
    """Programs can be made of it: no two operations have one name, and each path says what its braces mean."""
    assert len({one.name for one in CALLS}) == len(CALLS)
    assert isinstance(call, type(CALLS[0]))
    assert set(re.findall(r"{(\w+)}", call.path)) == set(call.names)
    assert call.name.isidentifier()
    assert (call.body is not None) <= (call.method == "POST")
