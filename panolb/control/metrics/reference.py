"""The page of all metrics, made of the table: ``python -m panolb.control.metrics.reference > docs/metrics.rst``."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from .counting import CLASSES, METHODS, SOURCES
from .families import GROUPS, Family
from .house import STATES
from .traffic import BROKEN


def _listed(words: tuple[str, ...]) -> str:
    *most, last = [f"``{word}``" for word in words]
    return f"{', '.join(most)} or {last}"


LABELS = {
    "balancer": "its name in the configuration; empty for what no balancer serves: files, and paths that nobody has",
    "member": (
        "``balancer/route``, or ``balancer/host:port`` without a route, as in the logs; members that share a name have their "
        "address behind it. Empty for what no member got"
    ),
    "listener": "its name in the configuration",
    "code_class": f"the class of the status: {_listed(CLASSES)}; none when the client left before there was one",
    "method": _listed(METHODS),
    "term": "the word that the access log has for an end; :doc:`logs` explains each",
    "blame": "whose doing that is: ``client``, ``member``, ``operator``, ``panolb``, or ``nobody`` for what is in order",
    "reason": (
        "of a retry: ``connect-failed``, ``connection-gone`` (a kept one had died), ``member-broke`` (a new one died), "
        "``queue-full``, ``queue-timeout`` or ``member-removed``. Of a route that was not followed: "
        f"{_listed(tuple(sorted(BROKEN)))}; :doc:`logs` explains them. Of a connection that ended early: ``handshake`` (of TLS) or "
        "``announcement`` (by the PROXY protocol)"
    ),
    "source": f"where the route was found: {_listed(SOURCES)}; none: the request had no route, as of a new user",
    "status": "the status of the refusal, such as 400, 413 or 431",
    "limit": "the key of the limit in the configuration; ``token``: the control API was asked without the right one",
    "state": f"of a member: {_listed(STATES)}. Of connections: ``idle`` or ``busy``. Of workers: ``wanted`` or ``ready``",
    "result": "of a check: ``pass`` or ``fail``. Of a reload: ``applied``, ``unchanged`` or ``refused``",
    "side": "``client`` or ``member``",
    "direction": "``in``: from clients to the member; ``out``: the other way",
    "initiator": "who ended it: ``client``, ``member`` or ``panolb``",
    "code": (
        "the close code; those of applications are told apart no further than ``3xxx`` and ``4xxx``, what no standard knows is "
        "``other``. 1005: a close frame without one; 1006: no close frame at all"
    ),
    "name": "the first name in the certificate; of several with the same name, that which expires first counts",
    "worker": "which process: ``main`` for the only one, or for the one that supervises others; workers are numbered from 1",
    "path": "of the log, as in the configuration",
    "version": "that of panolb; likewise ``python`` and ``twisted``",
}

PREAMBLE = """\
..
   Made from panolb/control/metrics/families.py by: python -m panolb.control.metrics.reference > docs/metrics.rst
   Change that table (or the text in panolb/control/metrics/reference.py), not this file.

Metrics
=======

The status page (``[admin]``) serves ``/metrics`` for Prometheus, in its own format and in that of OpenMetrics:

.. code-block:: toml

   [admin]
   endpoint = "tcp:10088:interface=127.0.0.1"

It asks for no password: let it listen where only Prometheus and operators can reach it.

Prometheus, alerts and Grafana
------------------------------

``ops/prometheus`` has an example of Prometheus's configuration and alert rules; ``promtool check rules`` reads them, and each
says what has happened, to whom, and what to do:

.. code-block:: yaml
   :caption: prometheus.yml

   rule_files:
     - alerts.yml

   scrape_configs:
     - job_name: panolb
       static_configs:
         - targets: ["localhost:10088"]

The rules expect that the job is called ``panolb``. ``ops/grafana/panolb.json`` is a dashboard: *Dashboards*, *New*, *Import*, and
choose the file. It asks which data source, instance and balancer it is to show. It is made by ``ops/grafana/dashboard.py``.
The tests hold every expression of both against a page of panolb, and have a real Prometheus answer them.

What to look at first:

Who is out of service?
    ``panolb_member_up == 0``
How many requests fail, and whose doing is it?
    ``sum by (blame) (rate(panolb_request_ends_total[5m]))``
Is it panolb that is slow?
    ``histogram_quantile(0.99, sum by (le) (rate(panolb_proxy_overhead_seconds_bucket[5m])))``
Are users thrown off their members?
    ``sum by (reason) (rate(panolb_pin_broken_total[5m]))``
Is the drain done?
    ``panolb_drain_remaining``

What they cost
--------------

Counting a request takes less than a microsecond (``python -m bench.measure_counting``: 0.8 us), and a request reads the clock once
more for it. Everything else is worked out when it is asked for: a page took 8 ms of processor time with 9,500 open WebSockets and
one member. It is written in pieces, between which requests are served. The open WebSockets are looked at in turn, 800 a second:
of 9,500, numbers of messages and backlog are up to 12 s old.

With several processes
----------------------

All worker processes are in one page: what they count is added, and does not go backwards when one ends and another takes its place.
What must not be added has the label ``worker``. A user with WebSockets in several processes is one session.

Labels
------

Their values are names from the configuration and words of which there are few: no address, session, path or user stands in any of
them. Numbers begin at 0 with the process, or with the member; a member that is removed takes its numbers along, which ``rate()`` and
``increase()`` are at home with.

"""


def reference() -> str:
    """The whole page."""
    sections = ["\n".join(_group(title, found)) for title, found in GROUPS.items()]
    return "\n".join([PREAMBLE + "\n".join(_labels()), *sections])


def _labels() -> Iterator[str]:
    for name, words in LABELS.items():
        yield from (f"``{name}``", f"    {words[0].upper() if words[0].islower() else words[0]}{words[1:]}.")
    yield ""


def _group(title: str, found: list[Family]) -> Iterator[str]:
    yield from (title, "-" * len(title), "")
    for family in found:
        labels = f" {{{', '.join(family.labels)}}}" if family.labels else ""
        yield f"``{family.series}``{labels}"
        kind = f"{family.kind.value}, {family.unit}" if family.unit else family.kind.value
        yield f"    *{kind}.* {_with_code(family.words)}"
    yield ""


def _with_code(words: str) -> str:
    """Mark what stands in configurations."""
    return re.sub(r"\b([a-z]+_[a-z_]+)\b", r"``\1``", words)


if __name__ == "__main__":
    sys.stdout.write(reference())
