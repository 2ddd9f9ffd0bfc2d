"""Downloading a large file over a network that breaks off."""

import errno
import hashlib
import json
import os
import shutil
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
from filelock import FileLock

from fledge.atomic import sync_folder, write_atomic
from fledge.errors import DataError
from fledge.interfaces.progress import Progress, no_progress

_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})


def download(
    url: str,
    target: Path,
    *,
    max_bytes: int,
    sha256: str | None = None,
    progress: Progress = no_progress,
    what: str | None = None,
    attempts: int = 5,
) -> str:
    """Fetch `url` (http, https, file, or a plain path) to `target`; returns the file's SHA-256.

    A connection that breaks off is taken up where it was, and so is a download whose process was
    killed. `attempts` bounds the tries that bring nothing; any that does starts the count anew.
    The target appears in one step, complete; one that is there already is kept, its hash checked.
    Several processes may ask for the same target at once: one fetches.

    Raises DataError: unreachable, refused, more than `max_bytes`, not the file of `sha256`, no room.
    """
    what = what or f"downloading {Path(urlsplit(url).path).name or url}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(f"{target.name}.lock")):
            if target.exists():
                return _verify(target, url, sha256)
            part = target.with_name(f"{target.name}.part")
            _fetch(url, part, max_bytes, progress, what, attempts)
            found = _verify(part, url, sha256)
            _settle(part, target)
            return found
    except OSError as error:
        if error.errno == errno.ENOSPC:
            free = shutil.disk_usage(target.parent).free
            raise DataError(
                f"{what}: no room left in {target.parent} ({free / 1e6:.0f} MB free)",
                hint="make room there, or move the cache: XDG_CACHE_HOME=DIR; what was fetched is kept",
            ) from None
        raise DataError(f"{what}: {target} cannot be written: {error.strerror or error}") from None


def _fetch(url: str, part: Path, max_bytes: int, progress: Progress, what: str, attempts: int) -> None:
    scheme = urlsplit(url).scheme
    if scheme in ("http", "https"):
        _Transfer(url, part, max_bytes, progress, what).run(attempts)
    elif scheme in ("", "file"):
        source = Path(unquote(urlsplit(url).path)) if scheme else Path(url)
        if not source.is_file():
            raise DataError(f"{what}: there is no file {source}")
        _bounded(source.stat().st_size, max_bytes, url)
        shutil.copyfile(source, part)
    else:
        raise DataError(f"{url}: fledge fetches http, https and file addresses, not {scheme!r}")


class _Transfer:
    """One file coming over the network, in as many connections as it takes."""

    def __init__(self, url: str, part: Path, max_bytes: int, progress: Progress, what: str) -> None:
        self.url = url
        self.part = part
        self.memory = part.with_name(f"{part.name}.json")
        self.max_bytes = max_bytes
        self.progress = progress
        self.what = what

    def run(self, attempts: int) -> None:
        failures = 0
        # The system's own certificates: a company's are among them.
        with httpx.Client(timeout=_TIMEOUT, follow_redirects=True, verify=ssl.create_default_context()) as client:
            while True:
                before = self._have()
                try:
                    if self._connect(client):
                        return
                    trouble = "the connection broke off"
                except httpx.InvalidURL as error:
                    raise DataError(f"{self.url} is not an address: {error}") from None
                except httpx.HTTPError as error:
                    trouble = str(error) or type(error).__name__
                failures = 0 if self._have() > before else failures + 1
                if failures >= attempts:
                    raise DataError(
                        f"{self.what}: {self.url} cannot be fetched: {trouble}",
                        hint=f"tried {attempts} time(s); is there a network, or a proxy to name in HTTPS_PROXY?",
                    )
                time.sleep(min(0.2 * 2**failures, 5.0))

    def _connect(self, client: httpx.Client) -> bool:
        """One connection; true when the file is whole. Raises httpx.HTTPError where another try may help."""
        have, memory = self._have(), self._remembered()
        headers = {"Accept-Encoding": "identity"}
        if have and memory.get("validator"):
            # The server answers with the rest only where the file is still the same one.
            headers |= {"Range": f"bytes={have}-", "If-Range": memory["validator"]}
        with client.stream("GET", self.url, headers=headers) as response:
            if response.status_code in _AGAIN:
                raise httpx.HTTPError(f"the server answers {response.status_code} {response.reason_phrase}")
            if response.status_code == 416:
                self._forget()
                raise httpx.HTTPError("the server has less than was fetched already; beginning anew")
            if response.status_code not in (200, 206):
                raise DataError(
                    f"{self.what}: {self.url} answers {response.status_code} {response.reason_phrase}",
                    hint="is the address right?",
                )
            resumed = response.status_code == 206 and response.headers.get("Content-Range", "").startswith(
                f"bytes {have}-"
            )
            have = have if resumed else 0
            length = response.headers.get("Content-Length")
            total = have + int(length) if length else None
            _bounded(total or 0, self.max_bytes, self.url)
            self._remember(response)
            done = have
            with self.part.open("ab" if resumed else "wb") as file:
                # As the network brings them: what a chunk size held back would be lost with the connection.
                for chunk in response.iter_raw():
                    file.write(chunk)
                    done += len(chunk)
                    _bounded(done, self.max_bytes, self.url)
                    self.progress(self.what, done, total, "bytes")
            return total is None or done == total

    def _have(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _remembered(self) -> dict[str, Any]:
        try:
            told = json.loads(self.memory.read_text())
        except (OSError, ValueError):
            return {}
        return told if told.get("url") == self.url else {}

    def _remember(self, response: httpx.Response) -> None:
        tag = response.headers.get("ETag", "")
        # A weak tag promises the same meaning, not the same bytes.
        validator = tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified")
        write_atomic(self.memory, json.dumps({"url": self.url, "validator": validator}))

    def _forget(self) -> None:
        self.part.unlink(missing_ok=True)
        self.memory.unlink(missing_ok=True)


def _bounded(size: int, max_bytes: int, url: str) -> None:
    if size > max_bytes:
        raise DataError(f"{url} holds more than the {max_bytes / 1e6:.0f} MB that are expected of it at most")


def _verify(path: Path, url: str, expected: str | None) -> str:
    digest = hashlib.sha256()
    for block in _blocks(path):
        digest.update(block)
    found = digest.hexdigest()
    if expected and found != expected.lower():
        path.unlink()
        raise DataError(
            f"{url} is not the file it should be: its SHA-256 is {found}, and {expected} was expected",
            hint="it was changed or damaged; it is removed, and the next run fetches it again",
        )
    return found


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            yield block


def _settle(part: Path, target: Path) -> None:
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(target)
    part.with_name(f"{part.name}.json").unlink(missing_ok=True)
    sync_folder(target.parent)
