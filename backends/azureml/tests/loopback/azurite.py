"""Azurite: Microsoft's own emulator of the blob store, as a process, and what the server itself does in it."""

import base64
import hashlib
import hmac
import http.client
import re
import secrets
import shutil
import socket
import ssl
import subprocess
import threading
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlencode

from loopback.tls import Certificate

ACCOUNT = "fledgeloopback"
HOST = f"{ACCOUNT}.blob.core.windows.net"
_VERSION = "2021-12-02"
_LISTENS = re.compile(rb"successfully listen\w* on https://[^:]+:(\d+)")
# By which a mount knows its folders again.
_FOLDER = "hdi_isfolder"
_CREATED, _CONFLICT, _ABSENT = 201, 409, 404


@dataclass(frozen=True)
class Blob:
    """folder: it is no file, but stands for a folder that was made in a mount."""

    name: str
    size: int
    etag: str
    folder: bool


class Azurite:
    """program is Azurite's own `azurite-blob`, installed with npm."""

    def __init__(self, program: Path, folder: Path, certificate: Certificate) -> None:
        self.key = base64.b64encode(secrets.token_bytes(32)).decode()
        self._trust = ssl.create_default_context(cafile=certificate.authority)
        node = shutil.which("node")
        if node is None:
            raise RuntimeError("there is no Node.js, which Azurite needs")
        words = ["--blobHost", "127.0.0.1", "--blobPort", "0", "--location", folder, "--silent"]
        words += ["--disableTelemetry", "--skipApiVersionCheck", "--cert", certificate.cert, "--key", certificate.key]
        self._process = subprocess.Popen(
            [node, str(program), *map(str, words)],
            env={"AZURITE_ACCOUNTS": f"{ACCOUNT}:{self.key}", "PATH": str(Path(node).parent)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.port = self._listens()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def url(self, container: str, blob: str = "") -> str:
        return f"https://{HOST}/{container}" + (f"/{quote(blob)}" if blob else "")

    def signed(self, container: str, blob: str = "", permissions: str = "r", minutes: float = 60) -> str:
        """A URL that is good without further credentials, for one blob or a whole container, for a while."""
        kind = "b" if blob else "c"
        begins, ends = _time(-5), _time(minutes)
        place = f"/blob/{ACCOUNT}/{container}" + (f"/{blob}" if blob else "")
        told = [permissions, begins, ends, place, "", "", "https", _VERSION, kind, "", "", "", "", "", "", ""]
        query = {"sp": permissions, "st": begins, "se": ends, "spr": "https", "sv": _VERSION, "sr": kind}
        return f"{self.url(container, blob)}?{urlencode({**query, 'sig': self._sign(told)})}"

    def make(self, container: str) -> None:
        status, _, said = self._ask("PUT", f"/{container}", {"restype": "container"})
        assert status in (_CREATED, _CONFLICT), said

    def put(self, container: str, blob: str, content: bytes, *, folder: bool = False) -> str:
        """Returns its etag."""
        told = {f"x-ms-meta-{_FOLDER}": "true"} if folder else {}
        status, headers, said = self._ask("PUT", f"/{container}/{quote(blob)}", {}, content, told)
        assert status == _CREATED, said
        return headers["etag"]

    def get(self, container: str, blob: str) -> bytes | None:
        status, _, said = self._ask("GET", f"/{container}/{quote(blob)}", {})
        return None if status == _ABSENT else said

    def delete(self, container: str, blob: str) -> None:
        self._ask("DELETE", f"/{container}/{quote(blob)}", {})

    def blobs(self, container: str, prefix: str) -> list[Blob]:
        found, marker = [], ""
        while True:
            query = {"restype": "container", "comp": "list", "include": "metadata", "prefix": prefix, "marker": marker}
            status, _, said = self._ask("GET", f"/{container}", query)
            assert status == http.client.OK, said
            tree = ET.fromstring(said)
            for one in tree.iter("Blob"):
                told = {part.tag: part.text or "" for part in one.iter()}
                folder = told.get(_FOLDER) == "true"
                found.append(Blob(told["Name"], int(told["Content-Length"]), told["Etag"].strip('"'), folder))
            marker = tree.findtext("NextMarker") or ""
            if not marker:
                return found

    def _listens(self) -> int:
        assert self._process.stdout is not None
        said = b""
        for line in self._process.stdout:
            said += line
            if found := _LISTENS.search(line):
                # Or it would stand still once the pipe is full.
                threading.Thread(target=self._process.stdout.read, daemon=True).start()
                return int(found[1])
        raise RuntimeError(f"Azurite does not start: {said.decode(errors='replace')}")

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        content: bytes = b"",
        more: Mapping[str, str] | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        ends = _time(60)
        told = [ACCOUNT, "rwdlac", "b", "sco", "", ends, "", "https", _VERSION, "", ""]
        access = {"sv": _VERSION, "ss": "b", "srt": "sco", "sp": "rwdlac", "se": ends, "spr": "https"}
        query = {**query, **access, "sig": self._sign(told)}
        connection = _Connection(self.port, self._trust)
        try:
            headers = {"x-ms-version": _VERSION, "x-ms-blob-type": "BlockBlob", **(more or {})}
            connection.request(method, f"{path}?{urlencode(query)}", content, headers)
            answer = connection.getresponse()
            got = {name.lower(): value.strip('"') for name, value in answer.getheaders()}
            return answer.status, got, answer.read()
        finally:
            connection.close()

    def _sign(self, told: list[str]) -> str:
        digest = hmac.digest(base64.b64decode(self.key), "\n".join(told).encode(), hashlib.sha256)
        return base64.b64encode(digest).decode()


class _Connection(http.client.HTTPSConnection):
    """To the real name at the emulator's address."""

    def __init__(self, port: int, trust: ssl.SSLContext) -> None:
        super().__init__(HOST)
        self._port, self._trust = port, trust

    def connect(self) -> None:
        plain = socket.create_connection(("127.0.0.1", self._port))
        self.sock = self._trust.wrap_socket(plain, server_hostname=HOST)


def _time(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
