"""The members of the HTTP measurement: one nginx that answers on two ports, fast enough never to be what is measured."""

from __future__ import annotations

import os
from pathlib import Path

from bench.peers import write_conf
from bench.processes import Program, free_port
from bench.tls import Identity

SMALL = b"hello from the member: " + b"0123456789" * 7 + b"012345\n"
FILES = {"/panopticon/10k": 10 * 1024, "/panopticon/1m": 1024 * 1024}
PATHS = ("/panopticon/small", *FILES)


class NginxMember:
    """The running member; ``body(path)`` is what it answers.

    :param identity: what it shows, if it speaks TLS.
    """

    def __init__(self, work: Path, core: int, identity: Identity | None = None) -> None:
        self.identity = identity
        self.ports = (free_port(), free_port())
        self._www = work / "www"
        (self._www / "panopticon").mkdir(parents=True)
        for path, size in FILES.items():
            (self._www / path.lstrip("/")).write_bytes(os.urandom(size))
        conf = write_conf(
            "member.conf",
            work,
            {
                "member1": self.ports[0],
                "member2": self.ports[1],
                "tls": "" if identity is None else " ssl",
                "certificate": ""
                if identity is None
                else f"ssl_certificate {identity.certificate};\n        ssl_certificate_key {identity.key};",
                "small": SMALL.decode("ascii").replace("\n", r"\n"),
            },
        )
        self.program = Program(
            "the nginx member", ["nginx", "-c", str(conf)], core=core, log=work / "member.log"
        )

    def body(self, path: str) -> bytes:
        """What a GET of ``path`` must bring."""
        return SMALL if path not in FILES else (self._www / path.lstrip("/")).read_bytes()
