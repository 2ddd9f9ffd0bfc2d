"""A certificate authority of the loopback's own, and a certificate by it for the hosts that it plays."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_DAYS = ("-days", "7")


@dataclass(frozen=True)
class Certificate:
    """authority is what a client must trust; cert and key are the server's."""

    authority: Path
    cert: Path
    key: Path


def certificate(folder: Path, hosts: tuple[str, ...]) -> Certificate:
    """For hosts such as "management.azure.com" and "*.blob.core.windows.net"."""
    authority, authority_key = folder / "authority.pem", folder / "authority.key"
    made = Certificate(authority, folder / "server.pem", folder / "server.key")
    _openssl(
        *_KEY, *_DAYS, "-keyout", authority_key, "-out", authority, "-subj", "/CN=fledge loopback authority",
        "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign",
    )  # fmt: skip
    names = ",".join(f"DNS:{host}" for host in hosts)
    _openssl(
        *_KEY, *_DAYS, "-keyout", made.key, "-out", made.cert, "-subj", "/CN=fledge loopback",
        "-CA", authority, "-CAkey", authority_key, "-addext", f"subjectAltName={names}",
        "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth",
    )  # fmt: skip
    return made


def _openssl(*words: str | Path) -> None:
    done = subprocess.run(["openssl", "req", "-x509", *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"openssl made no certificate: {done.stderr}")
