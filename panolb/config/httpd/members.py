"""The members of a balancer: from ``BalancerMember``, and from a ``ProxyPass`` to a single server."""

from __future__ import annotations

import re
from typing import Any, Final, Literal

from attrs import define, field

from panolb.config.addresses import explain_url, plain_url, split_url
from panolb.config.httpd.checks import Checks, health
from panolb.config.httpd.known import Verdict
from panolb.config.httpd.nodes import Node
from panolb.config.httpd.parameters import MEMBER_PARAMETERS, read_pairs
from panolb.config.httpd.remarks import Remarks
from panolb.config.model import Member

QUICK: Final = 5.0
"""Seconds to connect in, where an httpd.conf does not say: nobody waits a minute for a server that is off."""

_URL: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*):(?P<rest>//[^/]*(?P<path>.*))", re.IGNORECASE | re.DOTALL
)


@define(eq=False)
class Draft:
    """A member on its way into the model.

    :ivar url: with ``http:`` or ``https:``, whatever was written.
    :ivar values: its parameters by Apache's names, health checks resolved.
    :ivar websocket: True, False, or None when nothing is said about protocols to switch to.
    """

    node: Node
    url: str
    values: dict[str, Any] = field(factory=dict)
    websocket: bool | None = None

    def add(self, words: list[str], node: Node, checks: Checks, remarks: Remarks) -> None:
        """Read parameters, of the member's own line or of a ``ProxySet``."""
        values, wrong, idle = read_pairs(MEMBER_PARAMETERS, "Worker", words)
        for sentence in wrong:
            remarks.problem(node, sentence)
        if idle:
            told = "; ".join(f"{one.name}=: {one.reason}" for one in idle)
            remarks.say(node, Verdict.RUN, f"All but {told}.")
        self.values |= {**values, **checks.resolved(values, node, remarks)}
        if "upgrade" in values:
            self.websocket = values["upgrade"].upper() not in ("NONE", "")
        for name in ("disablereuse", "enablereuse"):
            if name in values:
                self.values["reuse"] = values[name] == (name == "enablereuse")

    @property
    def timeout(self) -> float | None:
        """Seconds to wait for more of an answer, when it says so itself."""
        return self.values.get("timeout")

    def timing(self, timeout: float, *, exact: bool) -> dict[str, Any]:
        """Return what the model lets the balancer say for all members, by the names of the model.

        :param timeout: what holds where the member has no timeout.
        :param exact: connect for as long as Apache, which is as long as for an answer.
        """
        answer = float(self.values.get("timeout", timeout))
        connect = answer if exact else min(answer, QUICK)
        return {
            "retry": float(self.values.get("retry", 60)),
            "connect_timeout": float(self.values.get("connectiontimeout", connect)),
            "response_timeout": answer,
            "keepalive_idle": float(self.values.get("ttl", 15)),
            "max_connections": self.values.get("max"),
            "acquire": self.values.get("acquire"),
            "ping": self.values.get("ping"),
            "reuse": self.values.get("reuse", True),
        }

    def build(self, own: dict[str, Any], timeout: float, remarks: Remarks) -> Member | None:
        """Make the member; None when there is a problem, which has then been told.

        :param own: what it has for itself of `timing`.
        :param timeout: how long a health check may take.
        """
        flags: frozenset[str] = self.values.get("status", frozenset())
        try:
            checked = health(self.values, split_url(self.url)[2], timeout, down="C" in flags)
            return Member(
                url=self.url,
                route=self.values.get("route", ""),
                redirect=self.values.get("redirect", ""),
                loadfactor=self.values.get("loadfactor", 1.0),
                lbset=self.values.get("lbset", 0),
                hot_standby="H" in flags and "R" not in flags,  # R+H on one member behaves as R
                hot_spare="R" in flags,
                ignore_errors="I" in flags,
                status=self._status(flags, remarks, checked=checked is not None),
                health=checked,
                **own,
            )
        except ValueError as error:
            remarks.problem(self.node, str(error))
            return None

    def _status(
        self, flags: frozenset[str], remarks: Remarks, *, checked: bool
    ) -> Literal["active", "drain", "disabled", "stopped"]:
        if "C" in flags and not checked:
            words = "status=C without a health check never ends; the member is stopped."
            remarks.say(self.node, Verdict.RUN, words)
            return "stopped"
        if flags & {"S", "U"}:
            return "stopped"
        if "D" in flags:
            return "disabled"
        return "drain" if "N" in flags else "active"


def read_member(node: Node, url: str, words: list[str], checks: Checks, remarks: Remarks) -> Draft | None:
    """Read the URL and the parameters of a member; None when panolb cannot speak to it, which has then been told."""
    match = _URL.fullmatch(url)
    if match is None:
        remarks.problem(node, f'{url} is no URL; write it like "http://localhost:8080/panopticon"')
        return None
    scheme = match["scheme"].lower()
    if scheme not in ("http", "ws", "https", "wss"):
        remarks.stops(node, f"panolb speaks to no {scheme}: members; requests would not reach {url}.")
        return None
    plain = plain_url(url)
    wrong = explain_url(plain)
    if wrong is not None:
        remarks.problem(node, f"{url} {wrong}")
        return None
    draft = Draft(node, plain, websocket=True if scheme in ("ws", "wss") else None)
    draft.add(words, node, checks, remarks)
    return draft
