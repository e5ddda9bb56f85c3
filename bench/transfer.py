"""A large upload and a large download at the same time, checked byte for byte."""

from __future__ import annotations

import asyncio
import re
import zlib
from functools import cache

from bench import browser
from bench.errors import BenchError
from bench.member import CHUNK, Throttle

TRANSFER = 200_000_000  # bytes, each way
TIMEOUT = 120.0


@cache
def checksum() -> int:
    """CRC-32 of all that is transferred."""
    check = 0
    for _ in range(TRANSFER // len(CHUNK)):
        check = zlib.crc32(CHUNK, check)
    return check


async def response_length(reader: asyncio.StreamReader) -> int:
    """Read the head of an answer that must be 200; return its Content-Length."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    if not head.startswith(b"HTTP/1.1 200") or length is None:
        raise BenchError(f"a transfer was answered {head[:200]!r}")
    return int(length[1])


async def upload(port: int, cookie: str, rate: float) -> None:
    """Send it as fast as it is taken; the member reads ``rate`` bytes a second (0: no limit) and says what it got."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        length = {"Content-Length": str(TRANSFER)}
        writer.write(browser.request("POST", f"/panopticon/upload?rate={rate}", cookie, length))
        for _ in range(TRANSFER // len(CHUNK)):
            writer.write(CHUNK)
            await writer.drain()
        answer = await reader.readexactly(await response_length(reader))
        if answer != b"%d %d" % (TRANSFER, checksum()):
            raise BenchError(f"the upload arrived damaged: {answer!r}")
    finally:
        writer.close()


async def download(port: int, cookie: str, rate: float) -> None:
    """Read it at ``rate`` bytes a second (0: no limit)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(browser.request("GET", f"/panopticon/download?bytes={TRANSFER}", cookie))
        left, check, throttle = await response_length(reader), 0, Throttle(rate)
        while left:
            data = await reader.read(min(left, len(CHUNK)))
            if not data:
                raise BenchError(f"the download ended {left:,} bytes too early")
            left -= len(data)
            check = zlib.crc32(data, check)
            await throttle.took(len(data))
        if check != checksum():
            raise BenchError("the download arrived damaged")
    finally:
        writer.close()


async def both_ways(port: int, cookie: str, rate: float) -> None:
    """Upload and download at once; BenchError if either goes wrong."""
    checksum()
    try:
        async with asyncio.timeout(TIMEOUT):
            await asyncio.gather(upload(port, cookie, rate), download(port, cookie, rate))
    except TimeoutError:
        raise BenchError(f"the transfer was not done after {TIMEOUT:.0f} s")
    except (OSError, asyncio.IncompleteReadError) as error:
        raise BenchError(f"the transfer broke: {error!r}") from error
