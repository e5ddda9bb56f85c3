"""mod_proxy_hcheck: the parameters of a member's health check, templates and named conditions, become a Health."""

from __future__ import annotations

from typing import Any, Final

from attrs import field, frozen

from panolb.config.httpd.nodes import Directive, Node
from panolb.config.httpd.parameters import CHECK_PARAMETERS, read_pairs
from panolb.config.httpd.remarks import Remarks
from panolb.config.model import Health

LONGEST_NAME: Final = 15
"""Letters of the name of a condition."""

_TEMPLATE: Final = {"hcmethod": "TCP"}
"""What a template has that does not say it, where that is not what a member has: mod_proxy_hcheck.c, set_hc_template."""


@frozen
class Checks:
    """The conditions and templates that have been declared so far; Apache reads from top to bottom."""

    conditions: dict[str, str] = field(factory=dict)
    templates: dict[str, dict[str, Any]] = field(factory=dict)

    def declare(self, node: Directive, remarks: Remarks) -> None:
        """Read a ``ProxyHCExpr`` or ``ProxyHCTemplate``."""
        name, *words = node.args
        if node.name.lower() == "proxyhcexpr":
            if len(name) > LONGEST_NAME:
                remarks.problem(node, f"Expression name limited to {LONGEST_NAME} characters")
            self.conditions[name.lower()] = " ".join(words)
        else:
            values, wrong, _ = read_pairs(CHECK_PARAMETERS, "Worker", words)
            for sentence in wrong:
                remarks.problem(node, sentence)
            self.templates[name.lower()] = {**_TEMPLATE, **self.resolved(values, node, remarks)}

    def resolved(self, values: dict[str, Any], node: Node, remarks: Remarks) -> dict[str, Any]:
        """Return the parameters of a member or template, with the template they name filled in below them.

        The names of conditions are replaced by the conditions themselves.
        """
        own = {key: value for key, value in values.items() if key in CHECK_PARAMETERS}
        name = own.pop("hctemplate", None)
        if name is not None and name.lower() not in self.templates:
            remarks.problem(node, f"Unknown ProxyHCTemplate name: {name}")
        condition = own.get("hcexpr")
        if condition is not None:
            text = self.conditions.get(condition.lower())
            if text is None:
                remarks.problem(node, f"Unknown health check condition expr: {condition}")
                del own["hcexpr"]
            else:
                own["hcexpr"] = text
        return {**(self.templates.get(name.lower(), {}) if name is not None else {}), **own}


def health(values: dict[str, Any], path: str, timeout: float, *, down: bool) -> Health | None:
    """Make the Health of a member, or None when it is not checked.

    :param values: its parameters, after `Checks.resolved`.
    :param path: the path of its URL; what is asked for lies below it.
    :param timeout: how long it may take to answer, in seconds.
    :param down: whether it has to pass before it gets anything (``status=C``).
    :raises ValueError: the parameters make no right check.
    """
    method = values.get("hcmethod", "NONE")
    if method == "NONE":
        return None
    interval = values.get("hcinterval", 30.0)
    rest: dict[str, Any] = {
        "interval": interval,
        "interval_changing": interval,
        "timeout": min(timeout, interval),
        "passes": max(1, values.get("hcpasses", 1)),
        "fails": max(1, values.get("hcfails", 1)),
        "start": "down" if down else "up",
    }
    if method == "TCP":
        return Health(check="tcp", **rest)
    verb = method.removesuffix("11")
    if "hcexpr" in values:
        rest["expect"] = values["hcexpr"]
    return Health(
        method=verb,
        http_version="1.1" if method != verb else "1.0",
        uri="*" if verb == "OPTIONS" else _uri(path, values.get("hcuri", "")),
        **rest,
    )


def _uri(path: str, uri: str) -> str:
    """Join as Apache does, where ``/app`` and ``/hc`` make ``/app//hc``."""
    joined = f"{path}/{uri}" if path and uri else path or uri
    return joined if joined.startswith("/") else f"/{joined}"
