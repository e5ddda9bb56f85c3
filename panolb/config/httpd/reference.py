"""Writes docs/from-apache.rst out of the tables: ``python -m panolb.config.httpd.reference > docs/from-apache.rst``."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from panolb.config.httpd.differences import DIFFERENCES, Difference
from panolb.config.httpd.directives import MODULES
from panolb.config.httpd.known import Known, Module, Verdict
from panolb.config.httpd.parameters import BALANCER_PARAMETERS, MEMBER_PARAMETERS, Parameter

PREAMBLE: Final = """\
..
   Made from panolb/config/httpd/ by: python -m panolb.config.httpd.reference > docs/from-apache.rst
   Change the tables (or the preamble in panolb/config/httpd/reference.py), not this file.

From Apache to panolb
=====================

panolb runs an ``httpd.conf`` as it is. What was written for mod_proxy_balancer, mod_proxy_http, mod_proxy_wstunnel,
mod_proxy_hcheck, mod_headers, mod_setenvif and the WebSocket recipe of mod_rewrite does what it does in Apache;
whatever does not is told, line by line.

Three steps
-----------

See what would become of it. Nothing is started or changed:

.. code-block:: console

   $ panolb check /etc/httpd/conf/httpd.conf

Run it, beside Apache on another port first if you like:

.. code-block:: console

   $ twistd -n panolb --httpd-conf /etc/httpd/conf/httpd.conf

Keep it, or go on with panolb's own format, which can say more. Each block of what this writes names the lines that it
came from, and both files do the same:

.. code-block:: console

   $ panolb import /etc/httpd/conf/httpd.conf > panolb.toml

What the report says
--------------------

run
    panolb does what the line says.
run, and better than in Apache
    The same, and something that does not work in Apache does in panolb, such as WebSockets without ``upgrade=``.
read with help
    The text was not quite an ``httpd.conf``, such as one whose line breaks a web page has lost. The report says what
    was understood; the lines of a file that is right are never touched.
not needed
    Nothing is lost without it, and the report says why.
not supported
    Something is lost, and the report says what.

A line that is not supported *stops the start* when traffic would go elsewhere without it, or when others could see
what it protects: access control, authentication, bodies that are rewritten. When that is taken care of elsewhere, say
so for each directive by name; ``panolb check`` takes the same options:

.. code-block:: console

   $ twistd -n panolb --httpd-conf httpd.conf --allow-unsupported Require,AuthType

A file with mistakes does not start either. All of them are told at once, each with its file and line: what Apache
would refuse, directives of modules that no ``LoadModule`` loads, and what panolb cannot make sense of. A file without
any ``LoadModule``, such as one of Debian's ``sites-enabled``, is taken for a part of a configuration, with all modules
loaded.

``Define``, ``Include``, ``<IfModule>`` and the like are followed as in Apache, whose version panolb gives as 2.4.66.
``${{NAME}}`` is what ``Define`` says, or else a variable of the environment; ``--define NAME=VALUE`` is Apache's ``-D``,
and takes a value too. On Debian, where such variables come from ``envvars``, run this first:

.. code-block:: console

   $ set -a; . /etc/apache2/envvars; set +a

Where panolb does otherwise
---------------------------

On purpose, and only here. With ``--apache-compat`` panolb does exactly as Apache in those that say so.

{differences}

Parameters of members
---------------------

Of ``BalancerMember``, of ``ProxySet`` with a member's URL, and of ``ProxyPass`` to a server that is in no balancer.

{members}

Parameters of balancers
-----------------------

Of ``ProxySet`` in ``<Proxy balancer://...>``, and of ``ProxyPass`` to a balancer.

{balancers}

Every directive
---------------

An asterisk: depending on its arguments. Those that ask for what panolb does anyway, such as ``Require all granted`` or
``ProxyRequests Off``, are not needed.

"""

_VERDICTS: Final = {Verdict.RUN: "run", Verdict.HARMLESS: "not needed", Verdict.UNSUPPORTED: "not supported"}

Row = Sequence[str]


def reference() -> str:
    """Return the whole page."""
    return PREAMBLE.format(
        differences=_table((24, 24, 24, 20, 8), _differences(DIFFERENCES.values())),
        members=_table((20, 16, 34, 30), _parameters(MEMBER_PARAMETERS.values())),
        balancers=_table((20, 16, 34, 30), _parameters(BALANCER_PARAMETERS.values())),
    ) + "\n".join(_module(module) for module in MODULES if module.directives)


def _differences(all_of_them: Iterable[Difference]) -> Iterator[Row]:
    yield "Where", "Apache", "panolb", "Why", "compat"
    for one in all_of_them:
        plain = [_escaped(text) for text in (one.what, one.apache, one.panolb, one.why)]
        yield *plain, "as Apache" if one.compat else "–"


def _parameters(all_of_them: Iterable[Parameter]) -> Iterator[Row]:
    yield "Parameter", "Default in Apache", "Meaning", "In panolb"
    for one in all_of_them:
        here = f"``{one.key}``" if one.key else f"not needed: {_escaped(one.reason)}"
        yield f"``{one.name}``", _escaped(one.default), _escaped(one.meaning), here


def _module(module: Module) -> str:
    title = ", ".join(source.removesuffix(".c") for source in module.names.values())
    about = f"{_escaped(module.about[0].upper() + module.about[1:])} (``{next(iter(module.names))}``)."
    rows = [("Directive", "", "What it means for traffic"), *map(_row, _alike(module))]
    return "\n".join([title, "~" * len(title), "", about, "", _table((36, 14, 50), rows), ""])


def _alike(module: Module) -> Iterator[list[Known]]:
    """Yield the directives of which the same is true together, as the tables have them."""
    for _, group in groupby(
        module.directives, lambda one: (one.verdict, one.words, one.stops, one.same, one.mild)
    ):
        yield list(group)


def _row(group: list[Known]) -> Row:
    first = group[0]
    verdict = "stops the start" if first.stops else _VERDICTS[first.verdict]
    asterisk = r" \*" if first.same or first.mild else ""
    return ", ".join(f"``{one.name}``" for one in group), verdict + asterisk, _escaped(first.words)


def _table(widths: Sequence[int], rows: Iterable[Row]) -> str:
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {' '.join(map(str, widths))}", ""]
    for row in rows:
        lines += [f"   {'*' if index == 0 else ' '} - {cell}".rstrip() for index, cell in enumerate(row)]
    return "\n".join(lines)


def _escaped(text: str) -> str:
    """Keep reStructuredText from reading marks in a sentence as markup."""
    return re.sub(r"([\\*`|_])", r"\\\1", text)


if __name__ == "__main__":
    sys.stdout.write(reference())
