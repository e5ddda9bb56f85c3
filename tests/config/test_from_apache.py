"""The page "From Apache to panolb" says what the tables say."""

from __future__ import annotations

from panolb.config.httpd.differences import DIFFERENCES
from panolb.config.httpd.directives import DIRECTIVES, SECTIONS
from panolb.config.httpd.parameters import BALANCER_PARAMETERS, MEMBER_PARAMETERS
from panolb.config.httpd.reference import reference
from tests.harness.printed import ROOT, printed


def test_the_committed_page_is_up_to_date() -> None:
    """docs/from-apache.rst is what the tables say now; if not: python -m panolb.config.httpd.reference > that file."""
    assert (
        (ROOT / "docs" / "from-apache.rst").read_text(encoding="utf-8")
        == printed("panolb.config.httpd.reference")
        == reference()
    )


def test_everything_is_in_the_page() -> None:
    """Each directive, parameter and difference is told."""
    page = reference()
    for known in (*DIRECTIVES.values(), *SECTIONS.values()):
        assert f"``{known.name}``" in page
    for parameter in (*MEMBER_PARAMETERS.values(), *BALANCER_PARAMETERS.values()):
        assert f"   * - ``{parameter.name}``\n" in page
    assert page.count("as Apache\n") == sum(one.compat for one in DIFFERENCES.values())


def test_the_page_is_in_the_table_of_contents() -> None:
    """Nobody would find it otherwise."""
    assert "\n   from-apache\n" in (ROOT / "docs" / "index.rst").read_text(encoding="utf-8")
