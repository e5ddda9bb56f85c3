"""What the operator's pages have in common: their frame, and how they show numbers."""

from __future__ import annotations

import html

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>panolb</title><meta http-equiv="refresh" content="2">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root {{ color-scheme: light dark; --line: #8884; --ok: #2a8a4a; --bad: #c0392b; --warn: #b7791f; }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: {width}em; margin: 3em auto; padding: 0 1em; }}
table {{ border-collapse: collapse; width: 100%; margin: .5em 0 2em; }}
th, td {{ text-align: left; padding: .4em .8em; border-bottom: 1px solid var(--line); }}
td.n {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }} th.n {{ text-align: right; }}
td.path {{ overflow-wrap: anywhere; }}
.up {{ color: var(--ok); }} .down, .error, .stopped {{ color: var(--bad); }} .drain, .disabled {{ color: var(--warn); }}
small {{ opacity: .7; }}
</style></head><body><h1>{title}</h1>{body}
<p><small>Refreshed every 2 seconds. The same as JSON: <a href="{json}">{json}</a></small></p></body></html>
"""


def page(title: str, body: str, json: str, width: int = 62) -> bytes:
    """A whole page.

    :param title: plain text.
    :param body: HTML.
    :param json: where the same is for programs, as plain text.
    :param width: in em.
    """
    return _PAGE.format(title=html.escape(title), body=body, json=html.escape(json), width=width).encode()


def in_bytes(number: int) -> str:
    """A size for people."""
    size = float(number)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:.0f} TiB"


def in_seconds(seconds: float) -> str:
    """A time for people: two units at most."""
    left = int(seconds)
    if left < 60:
        return f"{left} s"
    minutes, left = divmod(left, 60)
    if minutes < 60:
        return f"{minutes} min {left} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"


def in_ms(milliseconds: float | None) -> str:
    """A short time for people; ``-`` when it is not known."""
    if milliseconds is None:
        return "-"
    return f"{milliseconds:.1f} ms" if milliseconds < 99.95 else f"{milliseconds:.0f} ms"
