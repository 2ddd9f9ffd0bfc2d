"""Blobs: files of a workspace, read by addresses that carry their own permission and run out."""

import fcntl
import hashlib
import os
import re
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import httpx
from fledge import RunError

_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_UNKNOWN_CALLER, _ABSENT, _CHANGED, _BEYOND, _SLOWER, _SERVER_ERROR = 401, 404, 412, 416, 429, 500
_RUN_OUT, _NOT_ALLOWED = "AuthenticationFailed", "AuthorizationPermissionMismatch"
_LATER = "nothing was lost; try again later"
# What nobody is given by an address that is asked for anew.
_REMEDIES = {
    "AuthorizationFailure": "does its storage account's firewall let this machine in?",
    _NOT_ALLOWED: 'give this account the role "Storage Blob Data Contributor" in the storage account',
}
_LONGEST_PAUSE = 30.0
# Tries in a row of a download that bring nothing; and tries that bring what nobody asked for.
_ATTEMPTS = 5
_PAUSE = 0.5


@dataclass(frozen=True)
class Version:
    """Which content a file has: the server's mark of it, its size, and where it is known its MD5."""

    tag: str
    size: int
    md5: str | None

    def is_in(self, path: Path) -> bool:
        """Whether the file there is known to be just this."""
        if self.md5 is None or not path.is_file() or path.stat().st_size != self.size:
            return False
        with path.open("rb") as file:
            # The service's own choice, against slips and not against people.
            digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
        return b64encode(digest.digest()).decode() == self.md5


class Blobs:
    """Raises RunError, transient where the same may go well with an address asked for anew."""

    def __init__(self) -> None:
        # Certificates are read once, and no connection is left open.
        self._client = httpx.Client(timeout=_TIMEOUT, limits=httpx.Limits(max_keepalive_connections=0))

    def read(self, url: str, begin: int = 0, limit: int | None = None) -> bytes:
        """Of the file from `begin` on; empty where there is nothing more, or no file yet."""
        end = "" if limit is None else begin + limit - 1
        headers = {"Range": f"bytes={begin}-{end}"} if begin or limit is not None else {}
        with self._asked("GET", url, headers) as answer:
            if answer.status_code in (_ABSENT, _BEYOND):
                return b""
            data = answer.read()
            # A server that knows no ranges has sent all of it.
            if headers and answer.status_code == httpx.codes.OK:
                data = data[begin : None if limit is None else begin + limit]
            return data

    def version(self, url: str) -> Version | None:
        """None where there is no such file."""
        with self._asked("HEAD", url, {}) as answer:
            if answer.status_code == _ABSENT:
                return None
            told = answer.headers
            return Version(told.get("ETag", ""), int(told.get("Content-Length", 0)), told.get("Content-MD5"))

    def save(self, url: str, target: Path, heard: Callable[[int, int], None] = lambda done, of: None) -> bool:
        """Have the file at `target`, which appears in one step and is left alone where it is that already.

        What a connection that breaks off, or a process that ends, has brought by then is kept and gone on from, unless
        the file has changed meanwhile, which it may do a few times. `heard` is told how many bytes are there, of how
        many. Returns whether there is one.
        """
        failures = changes = 0
        while version := self.version(url):
            if version.is_in(target):
                return True
            part = _part(target, version)
            held = _size(part)
            try:
                if self._bring(url, part, target, version, heard):
                    return True
            except httpx.TransportError as error:
                failures = 0 if _size(part) > held else failures + 1
                if failures == _ATTEMPTS:
                    raise _broken_off(url, error) from None
                time.sleep(_PAUSE * failures)
                continue
            # It has become another one; or the store has no true word of it, and none to come.
            changes += 1
            if changes == _ATTEMPTS:
                told = f"{_shown(url)} cannot be read: what comes is not what the blob store says of it"
                raise RunError(told, hint="is it being written? try again later")
            time.sleep(_PAUSE * changes)
        return False

    def _bring(self, url: str, part: Path, target: Path, version: Version, heard: Callable[[int, int], None]) -> bool:
        """Whether the version is at `target` now. Whoever else is at it, a thread or a process, is waited for."""
        part.parent.mkdir(parents=True, exist_ok=True)
        with _alone(part, target) as file:
            if file is None:
                return True
            self._append(url, file, version, heard)
            file.flush()
            with suppress(FileNotFoundError):
                if _size(part) == version.size and (version.md5 is None or version.is_in(part)):
                    if _same(part, target):
                        part.unlink()
                    else:
                        part.replace(target)
                    return True
            # Not what was asked for; or gone, for whoever asks for a later version drops it.
            part.unlink(missing_ok=True)
            return False

    def _append(self, url: str, file: BinaryIO, version: Version, heard: Callable[[int, int], None]) -> None:
        held = file.seek(0, os.SEEK_END)
        if held >= version.size:
            return
        headers = {"Range": f"bytes={held}-"} | ({"If-Match": version.tag} if version.tag else {})
        with self._streamed("GET", url, headers) as answer:
            self._check(url, answer, _CHANGED)
            if answer.status_code == _CHANGED:
                return
            # A server that knows no ranges sends all of it.
            if answer.status_code == httpx.codes.OK:
                file.seek(file.truncate(0))
            for piece in answer.iter_raw():
                file.write(piece)
                heard(file.tell(), version.size)

    @contextmanager
    def _asked(self, method: str, url: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
        try:
            with self._streamed(method, url, headers) as answer:
                self._check(url, answer, _ABSENT, _BEYOND)
                yield answer
        except httpx.TransportError as error:
            raise _broken_off(url, error) from None

    @contextmanager
    def _streamed(self, method: str, url: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
        # Ranges count bytes as they are stored.
        with self._client.stream(method, url, headers={"Accept-Encoding": "identity", **headers}) as answer:
            yield answer

    def _check(self, url: str, answer: httpx.Response, *fine: int) -> None:
        status = answer.status_code
        if answer.is_success or status in fine:
            return
        answer.read()
        code = answer.headers.get("x-ms-error-code") or _code(answer.text) or answer.reason_phrase
        told = f"{_shown(url)} cannot be read: the blob store answers {status} {code}"
        if status == _SLOWER or status >= _SERVER_ERROR:
            wanted = answer.headers.get("Retry-After", "")
            time.sleep(min(float(wanted), _LONGEST_PAUSE) if wanted.isdecimal() else 0.0)
            raise RunError(told, hint=_LATER, transient=True)
        # Addresses are good for a while: whoever asks again has a new one.
        raise RunError(told, hint=_REMEDIES.get(code, _LATER), transient=status == _UNKNOWN_CALLER or code == _RUN_OUT)


def _broken_off(url: str, error: httpx.TransportError) -> RunError:
    words = f"{type(error).__name__} {error}".strip()
    return RunError(f"{_shown(url)} cannot be read: {words}", hint="is there a network here?", transient=True)


def _part(target: Path, version: Version) -> Path:
    """Where this version comes together; the beginnings of others are dropped."""
    mark = hashlib.sha256(f"{version.tag} {version.size}".encode()).hexdigest()[:12]
    part = target.with_name(f".{target.name}.{mark}.part")
    pattern = re.compile(re.escape(f".{target.name}.") + r"[0-9a-f]{12}\.part")
    if target.parent.is_dir():
        for path in target.parent.iterdir():
            if path != part and pattern.fullmatch(path.name):
                path.unlink(missing_ok=True)
    return part


@contextmanager
def _alone(part: Path, target: Path) -> Iterator[BinaryIO | None]:
    """The file, with nobody else at it; None where somebody else was, and has put it at `target`."""
    while True:
        with part.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(part, file):
                yield file
                return
            if _is_at(target, file):
                yield None
                return


def _is_at(path: Path, file: BinaryIO) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _same(one: Path, other: Path) -> bool:
    if not other.is_file() or one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as a, other.open("rb") as b:
        return hashlib.file_digest(a, "sha256").digest() == hashlib.file_digest(b, "sha256").digest()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _code(text: str) -> str:
    found = re.search(r"<Code>(\w+)</Code>", text)
    return found[1] if found else ""


def _shown(url: str) -> str:
    """Without what is secret in it."""
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}"
