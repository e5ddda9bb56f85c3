"""What a browser sends with a request that a dashboard's page makes, 14 headers: all our clients send them."""

from __future__ import annotations

from collections.abc import Mapping

HEADERS = {
    "Connection": "keep-alive",
    "sec-ch-ua": '"Chromium";v="130", "Not?A_Brand";v="99"',
    "sec-ch-ua-mobile": "?0",
    "sec-ch-ua-platform": '"Linux"',
    "User-Agent": (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
    ),
    "Accept": "application/json, text/plain, */*",
    "X-Requested-With": "XMLHttpRequest",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Dest": "empty",
    "Referer": "http://dash.example.com/panopticon/workbook/",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Accept-Language": "en-US,en;q=0.9",
}
STICKY_COOKIE = "ROUTEID"
OTHER_COOKIES = "JSESSIONID=0123456789ABCDEF0123456789ABCDEF.node1; token=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.abcdef"


def headers(cookie: str = "") -> dict[str, str]:
    """All headers; ``cookie`` is the value of the sticky cookie, if there is one yet."""
    sticky = f"{STICKY_COOKIE}={cookie}; " if cookie else ""
    return {**HEADERS, "Cookie": sticky + OTHER_COOKIES}


def request(method: str, target: str, cookie: str, more: Mapping[str, str] | None = None) -> bytes:
    """A whole request head; ``more`` adds headers or replaces a browser's."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in {**headers(cookie), **(more or {})}.items()]
    return "\r\n".join([*lines, "", ""]).encode("ascii")
