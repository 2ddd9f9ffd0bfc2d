"""One file coming over HTTP, in as many connections as it takes."""

import errno
import re
import shutil
import ssl
import time
from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

import httpx

from fledge.data.part_file import PartFile
from fledge.data.storage import megabytes
from fledge.errors import DataError

_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_PAUSE = 30.0
_ADVICE = {
    401: "the server wants to know who asks; take an address that carries its own permission, or a local copy",
    403: "the server does not allow it; has a permission in the address run out?",
    404: "there is no such file; check the address for a slip",
    407: "the proxy wants a name and a password: HTTPS_PROXY=http://NAME:PASSWORD@HOST:PORT",
    410: "the file was taken away; look for another address",
}


class _BrokenOffError(Exception):
    """A try that failed where another may not; `pause` is what the server asks for, in seconds."""

    def __init__(self, trouble: str, pause: float = 0.0) -> None:
        super().__init__(trouble)
        self.pause = pause


class Transfer:
    """`tell` is called with (bytes so far, bytes in all or None)."""

    def __init__(self, url: str, part: PartFile, max_bytes: int, tell: Callable[[int, int | None], None]) -> None:
        self.url = url
        self.part = part
        self.max_bytes = max_bytes
        self.tell = tell
        self.answered = False

    def run(self, attempts: int) -> None:
        """Until the part is the whole file. `attempts` tries in a row may bring no byte that was not there before.

        Raises DataError where the file cannot be had, OSError where the disk refuses.
        """
        failures, furthest = 0, self.part.size
        with _client() as client:
            while not self.part.whole:
                try:
                    self._connect(client)
                except (httpx.TransportError, _BrokenOffError) as error:
                    # A server without ranges begins anew each time: what counts is getting further than ever.
                    failures = 0 if self.part.size > furthest else failures + 1
                    furthest = max(furthest, self.part.size)
                    if failures >= attempts or self._is_hopeless(error):
                        raise self._gave_up(error, failures) from None
                    pause = error.pause if isinstance(error, _BrokenOffError) else 0.0
                    time.sleep(min(max(pause, 0.25 * 2**failures), _LONGEST_PAUSE))
                except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.TooManyRedirects) as error:
                    raise DataError(f"{shown(self.url)} is no address to fetch from: {error}") from None

    def _connect(self, client: httpx.Client) -> None:
        # Ranges count bytes as they are stored, so the server must not compress them on the way.
        headers = {"Accept-Encoding": "identity"}
        held = self.part.size
        if held and self.part.validator:
            headers |= {"Range": f"bytes={held}-", "If-Range": self.part.validator}
        with client.stream("GET", self.url, headers=headers) as response:
            self.answered = True
            self._check_status(response)
            if response.status_code == 206:
                self._check_continues(response, held)
            else:
                total = _content_length(response)
                self._check_size(total or 0)
                self.part.begin(_validator(response), total)
                held = 0
            self._check_room(held)
            self._receive(response, held)

    def _receive(self, response: httpx.Response, held: int) -> None:
        with self.part.path.open("ab") as file:
            # As the network brings them: what waited for a chunk to fill would be lost with the connection.
            for chunk in response.iter_raw():
                held += len(chunk)
                self._check_size(held)
                file.write(chunk)
                self.tell(held, self.part.total)
        if self.part.total is None:
            self.part.total = held
        elif held < self.part.total:
            raise _BrokenOffError("the connection broke off")
        elif held > self.part.total:
            self.part.discard()
            raise _BrokenOffError("the server sent more than it had announced")

    def _check_status(self, response: httpx.Response) -> None:
        status = response.status_code
        answer = f"{status} {response.reason_phrase}".strip()
        if status in _TRY_AGAIN:
            wanted = response.headers.get("Retry-After", "")
            raise _BrokenOffError(f"the server answers {answer}", float(wanted) if wanted.isdecimal() else 0.0)
        if status == 416:
            self.part.discard()
            raise _BrokenOffError("the server's file has become shorter")
        if status not in (200, 206):
            hint = _ADVICE.get(status, "is it the right address?")
            raise DataError(f"{shown(self.url)} cannot be fetched: the server answers {answer}", hint=hint)

    def _check_continues(self, response: httpx.Response, held: int) -> None:
        """Some servers send the rest of whatever file they have now: it must be the rest of ours."""
        told = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        total = int(told[2]) if told and told[2] != "*" else None
        same = _validator(response) in (None, self.part.validator) and total in (None, self.part.total)
        if not told or int(told[1]) != held or not same:
            self.part.discard()
            raise _BrokenOffError("the server's file has changed meanwhile")

    def _check_size(self, size: int) -> None:
        if size > self.max_bytes:
            self.part.discard()
            raise too_large(shown(self.url), self.max_bytes)

    def _check_room(self, held: int) -> None:
        # Said before hours of transfer, and not after.
        missing = (self.part.total or 0) - held
        if missing > shutil.disk_usage(self.part.path.parent).free:
            raise OSError(errno.ENOSPC, "no room left", str(self.part.path))

    def _is_hopeless(self, error: Exception) -> bool:
        # Networks that let nothing out mostly swallow it in silence: ten seconds of that are enough.
        silent = isinstance(error, httpx.ConnectTimeout) and not self.answered
        return silent or isinstance(error, httpx.UnsupportedProtocol) or _is_untrusted(error)

    def _gave_up(self, error: Exception, failures: int) -> DataError:
        trouble = str(error) or type(error).__name__
        if _is_untrusted(error):
            hint = "if your network inspects encrypted traffic, name its certificate: SSL_CERT_FILE=FILE"
        else:
            hint = "is there a network here, or a proxy to name in HTTPS_PROXY?"
            if held := self.part.size:
                hint += f" {megabytes(held)} were fetched and are kept: the next run goes on from there"
        tries = f" ({failures} tries)" if failures > 1 else ""
        return DataError(f"{shown(self.url)} cannot be fetched: {trouble}{tries}", hint=hint, transient=True)


def too_large(name: str, max_bytes: int) -> DataError:
    return DataError(
        f"{name} holds more than the {megabytes(max_bytes)} that are allowed for it",
        hint="is it the right address?",
    )


def shown(url: str) -> str:
    """The address without what may be secret: name, password and query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _client() -> httpx.Client:
    try:
        # The system's own certificates: a company's are among them.
        trust = ssl.create_default_context()
        return httpx.Client(timeout=_TIMEOUT, follow_redirects=True, verify=trust)
    except (ValueError, ImportError) as error:
        raise DataError(
            f"the proxy settings cannot be used: {error}", hint="look at HTTPS_PROXY and ALL_PROXY"
        ) from None


def _content_length(response: httpx.Response) -> int | None:
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None


def _validator(response: httpx.Response) -> str | None:
    tag: str = response.headers.get("ETag", "")
    # A weak tag promises the same meaning, not the same bytes.
    if tag and not tag.startswith("W/"):
        return tag
    date: str | None = response.headers.get("Last-Modified")
    return date


def _is_untrusted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
