"""Where a request ends: lengths, transfer codings, chunks, trailers."""

from __future__ import annotations

from .rows import POST, SMUGGLED, Group, chunked, get, passed, post, refused

CHUNKS = b"3\r\nabc\r\n0\r\n\r\n"

LENGTHS = Group(
    "Content-Length",
    "RFC 9112 6.3",
    (
        passed("a length", post("Content-Length: 3"), POST),
        passed("leading zeros", post("Content-Length: 0003"), POST),
        passed("tab before the length, blanks behind it", post("Content-Length:\t3  "), POST),
        passed("a GET with a body", get("Content-Length: 3") + b"abc", "GET /app/ 3"),
        passed(
            "a body that looks like a request",
            post(f"Content-Length: {len(SMUGGLED)}", body=SMUGGLED),
            f"POST /app/ {len(SMUGGLED)}",
        ),
        passed(
            "a GET whose body looks like a request",
            get(f"Content-Length: {len(SMUGGLED)}") + SMUGGLED,
            f"GET /app/ {len(SMUGGLED)}",
            source="CVE-2019-20372",
        ),
        refused("two different lengths", post("Content-Length: 3", "Content-Length: 0"), "CVE-2020-10108"),
        refused("the same length twice", post("Content-Length: 3", "Content-Length: 3")),
        refused("list of lengths", post("Content-Length: 3, 3")),
        refused("length and a comma", post("Content-Length: 3,")),
        refused("empty length", post("Content-Length:"), "CVE-2023-40225"),
        refused("empty length and a length", post("Content-Length:", "Content-Length: 3"), "CVE-2023-40225"),
        refused("plus sign", post("Content-Length: +3"), "CVE-2022-24801"),
        refused("minus sign", post("Content-Length: -3")),
        refused("minus zero", post("Content-Length: -0")),
        refused("hexadecimal length", post("Content-Length: 0x3"), "CVE-2023-38697"),
        refused("underscore between digits", post("Content-Length: 0_3")),
        refused("decimal point", post("Content-Length: 3.0")),
        refused("exponent", post("Content-Length: 3e0")),
        refused("blank between digits", post("Content-Length: 0 3")),
        refused("letter behind the digits", post("Content-Length: 3a")),
        refused("quoted length", post('Content-Length: "3"')),
        refused("superscript digit", post("Content-Length: \xb3")),
        refused("vertical tab before the length", post("Content-Length:\v3")),
        refused("2^64 + 3", post("Content-Length: 18446744073709551619")),
        refused("blank before the colon", post("Content-Length : 3"), "CVE-2024-27982"),
        refused("blank before the name", post(" Content-Length: 3"), "CVE-2024-27982"),
        refused("folded length", post("Content-Length:\r\n 3")),
        passed(
            "a long name that begins like it",
            get("Content-Length0" + "a" * 255 + ":", "Content-Length: 3") + b"abc",
            "GET /app/ 3",
            source="CVE-2021-40346",
        ),
        passed(
            "Connection names it", post("Content-Length: 3", "Connection: keep-alive, Content-Length"), POST
        ),
    ),
)

CODINGS = Group(
    "Transfer-Encoding",
    "RFC 9112 6.1",
    (
        passed("chunked", chunked(CHUNKS), POST),
        passed("mixed case", post("tRANSFER-eNCODING: cHuNkEd", body=CHUNKS), POST),
        passed("tab before the value", post("Transfer-Encoding:\tchunked", body=CHUNKS), POST),
        passed("Connection names it", chunked(CHUNKS, "Connection: keep-alive, Transfer-Encoding"), POST),
        refused(
            "length and coding", post("Content-Length: 6", "Transfer-Encoding: chunked", body=b"0\r\n\r\nG")
        ),
        refused(
            "coding and length, a request inside",
            post(
                "Transfer-Encoding: chunked",
                f"Content-Length: {len(SMUGGLED) + 5}",
                body=b"0\r\n\r\n" + SMUGGLED,
            ),
            "CVE-2020-10109",
        ),
        refused(
            "length and coding, a request inside a chunk",
            post(
                "Content-Length: 4",
                "Transfer-Encoding: chunked",
                body=b"%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED),
            ),
            "CVE-2020-10109",
        ),
        refused("empty coding and a length", post("Transfer-Encoding:", "Content-Length: 3")),
        refused("identity", post("Transfer-Encoding: identity", "Content-Length: 3")),
        refused("identity alone", post("Transfer-Encoding: identity", body=b"")),
        refused("gzip", post("Transfer-Encoding: gzip", body=b"")),
        refused("gzip, chunked", post("Transfer-Encoding: gzip, chunked", body=CHUNKS)),
        refused("chunked, gzip", post("Transfer-Encoding: chunked, gzip", body=CHUNKS)),
        refused("chunked, identity", post("Transfer-Encoding: chunked, identity", body=CHUNKS)),
        refused("identity, chunked", post("Transfer-Encoding: identity, chunked", body=CHUNKS)),
        refused("chunked, chunked", post("Transfer-Encoding: chunked, chunked", body=CHUNKS)),
        refused("chunked in two fields", post(*["Transfer-Encoding: chunked"] * 2, body=CHUNKS)),
        refused(
            "chunked in one field, identity in the next",
            post("Transfer-Encoding: chunked", "Transfer-Encoding: identity", body=CHUNKS),
        ),
        refused("comma behind it", post("Transfer-Encoding: chunked,", body=CHUNKS)),
        refused("comma before it", post("Transfer-Encoding: , chunked", body=CHUNKS)),
        refused("parameter", post("Transfer-Encoding: chunked;q=1", body=CHUNKS)),
        refused("quoted", post('Transfer-Encoding: "chunked"', body=CHUNKS)),
        refused("misspelt: xchunked", post("Transfer-Encoding: xchunked", body=CHUNKS), "CVE-2024-1135"),
        refused("misspelt: chunkedchunked", post("Transfer-Encoding: chunkedchunked", body=CHUNKS)),
        refused(
            "misspelt, with a length",
            post("Content-Length: 3", "Transfer-Encoding: chunkedx"),
            "CVE-2022-32213",
        ),
        refused("vertical tab before it", post("Transfer-Encoding:\vchunked", body=CHUNKS), "CVE-2019-18277"),
        refused("form feed before it", post("Transfer-Encoding:\fchunked", body=CHUNKS), "CVE-2019-18277"),
        refused("vertical tab behind it", post("Transfer-Encoding: chunked\v", body=CHUNKS)),
        refused("non-breaking space behind it", post("Transfer-Encoding: chunked\xa0", body=CHUNKS)),
        refused("NUL behind it", post("Transfer-Encoding: chunked\0", body=CHUNKS)),
        refused("NUL in the name", post("Transfer-Encoding\0: chunked", body=CHUNKS)),
        refused(
            "blank before the colon",
            post("Content-Length: 3", "Transfer-Encoding : chunked"),
            "CVE-2019-16276, CVE-2019-16869",
        ),
        refused("blank before the name", post("Content-Length: 3", " Transfer-Encoding: chunked")),
        refused("folded", post("Transfer-Encoding:\r\n chunked", body=CHUNKS), "CVE-2022-32215"),
        refused("folded behind a comma", post("Transfer-Encoding: gzip,\r\n chunked", body=CHUNKS)),
        refused("behind a bare LF", post("Content-Length: 3", "A: b\nTransfer-Encoding: chunked")),
        refused(
            "behind a bare CR",
            post("Content-Length: 3", "A: b\rTransfer-Encoding: chunked"),
            "CVE-2023-30589",
        ),
        refused("HTTP/1.0", post("Transfer-Encoding: chunked", body=CHUNKS, version="1.0")),
        refused(
            "HTTP/1.0 that keeps the connection",
            post("Connection: keep-alive", "Transfer-Encoding: chunked", body=CHUNKS, version="1.0"),
        ),
    ),
)

SIZES = Group(
    "Chunks",
    "RFC 9112 7.1",
    (
        passed("leading zeros", chunked(b"0003\r\nabc\r\n000\r\n\r\n"), POST),
        passed("upper-case digits", chunked(b"A\r\n0123456789\r\n0\r\n\r\n"), "POST /app/ 10"),
        passed("an extension", chunked(b'3;a="b;c"\r\nabc\r\n0;d\r\n\r\n'), POST),
        passed("nothing but the last chunk", chunked(b"0\r\n\r\n"), "POST /app/ 0"),
        refused("no number", chunked(b"x\r\nabc\r\n0\r\n\r\n")),
        refused("no size", chunked(b"\r\nabc\r\n0\r\n\r\n")),
        refused("minus sign", chunked(b"-3\r\nabc\r\n0\r\n\r\n")),
        refused("plus sign", chunked(b"+3\r\nabc\r\n0\r\n\r\n"), "CVE-2022-24801"),
        refused("0x", chunked(b"0x3\r\nabc\r\n0\r\n\r\n"), "CVE-2022-24801"),
        refused("underscore between digits", chunked(b"0_3\r\nabc\r\n0\r\n\r\n")),
        refused("blank before the size", chunked(b" 3\r\nabc\r\n0\r\n\r\n")),
        refused("blank behind the size", chunked(b"3 \r\nabc\r\n0\r\n\r\n")),
        refused("tab behind the size", chunked(b"3\t\r\nabc\r\n0\r\n\r\n")),
        refused("2^64 + 3", chunked(b"10000000000000003\r\nabc\r\n0\r\n\r\n"), "CVE-2015-3183"),
        refused("empty line before the size", chunked(b"\r\n3\r\nabc\r\n0\r\n\r\n")),
        refused("bare LF behind the size", chunked(b"3\nabc\r\n0\r\n\r\n")),
        refused("bare CR behind the size", chunked(b"3\rabc\r\n0\r\n\r\n")),
        refused("bare LF behind the data", chunked(b"3\r\nabc\n0\r\n\r\n")),
        refused("anything behind the data", chunked(b"3\r\nabcxx0\r\n\r\n"), "CVE-2025-43859"),
        refused("nothing behind the data", chunked(b"3\r\nabc0\r\n\r\n")),
        refused("data too long", chunked(b"3\r\nabcd\r\n0\r\n\r\n")),
        refused("data too short", chunked(b"5\r\nabc\r\n0\r\n\r\n")),
        refused("bare LFs throughout", chunked(b"3\nabc\n0\n\n")),
        refused("bare LF at the end", chunked(b"3\r\nabc\r\n0\r\n\n")),
        refused("bare LF in an extension", chunked(b"3;a\nb\r\nabc\r\n0\r\n\r\n"), "CVE-2024-52304"),
        refused("an extension that ends with a bare LF", chunked(b"3;\nabc\r\n0\r\n\r\n"), "CVE-2025-55315"),
        refused("bare CR in an extension", chunked(b"3;a\rb\r\nabc\r\n0\r\n\r\n"), "CVE-2025-55315"),
        refused("NUL in an extension", chunked(b"3;a\0b\r\nabc\r\n0\r\n\r\n")),
        refused("no name of an extension", chunked(b"3;;\r\nabc\r\n0\r\n\r\n")),
        refused(
            "extensions of 20 KiB",
            chunked(b"".join(b"1;%b\r\na\r\n" % (b"x" * 1000) for _ in range(20)) + b"0\r\n\r\n"),
            "CVE-2024-22019",
        ),
    ),
)

TRAILERS = Group(
    "Trailers",
    "RFC 9110 6.5.1, RFC 9112 7.1.2",
    (
        passed(
            "a field",
            chunked(b"3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n", "Trailer: X-Sum"),
            POST,
            without=("X-Sum", "Trailer"),
        ),
        *(
            refused(f"{line.partition(':')[0]}", chunked(b"3\r\nabc\r\n0\r\n%b\r\n\r\n" % line.encode()))
            for line in (
                "Content-Length: 9",
                "Transfer-Encoding: chunked",
                "Host: other.test",
                "Connection: close",
                "Authorization: Basic eDp5",
                "Cookie: ROUTEID=.1",
                "X-Forwarded-For: 192.0.2.1",
                "Content-Type: text/html",
            )
        ),
        refused("no colon", chunked(b"3\r\nabc\r\n0\r\nnonsense\r\n\r\n")),
        refused("a request", chunked(b"3\r\nabc\r\n0\r\n" + SMUGGLED)),
        refused("blank before the colon", chunked(b"3\r\nabc\r\n0\r\nA : b\r\n\r\n")),
        refused("folded", chunked(b"3\r\nabc\r\n0\r\nA: b\r\n c\r\n\r\n")),
        refused("bare LF", chunked(b"3\r\nabc\r\n0\r\nA: b\nC: d\r\n\r\n")),
        refused("NUL", chunked(b"3\r\nabc\r\n0\r\nA: \0\r\n\r\n")),
        refused(
            "101 fields",
            chunked(b"3\r\nabc\r\n0\r\n" + b"A: b\r\n" * 101 + b"\r\n"),
            status=431,
        ),
    ),
)
