"""What the Azure ML backend makes of what the service has: logs and files, over real connections."""

import hashlib
import os
import re
import tempfile
import threading
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from fledge import RunError, UsageError
from fledge_azureml.blobs import Blobs
from fledge_azureml.log import Ended, Log
from fledge_azureml.pattern import beginning, matcher
from fledge_azureml.workspace import Details, Workspace
from hypothesis import given
from hypothesis import strategies as st


class Store(ThreadingHTTPServer):
    """Hands out what is in `blobs`, by ranges; `breaks` is after how many bytes it hangs up, `refuses` with what it
    answers instead, each taken in its turn."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.blobs: dict[str, bytes] = {}
        self.breaks: list[int] = []
        self.refuses: list[tuple[int, dict[str, str]]] = []
        self.ranges: list[str] = []
        self.md5 = True
        self.wrong_md5: bytes | None = None

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}?sig=secret"


class _Answer(BaseHTTPRequestHandler):
    server: Store

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        store, body = self.server, self.command == "GET"
        if store.refuses:
            code, headers = store.refuses.pop(0)
            self._answer(code, b"", headers)
            return
        content = store.blobs.get(unquote(urlsplit(self.path).path)[1:])
        if content is None:
            self._answer(404, b"", {})
            return
        tag = f'"{hashlib.sha256(content).hexdigest()[:8]}"'
        if self.headers.get("If-Match", tag) != tag:
            self._answer(412, b"", {})
            return
        headers = {"ETag": tag}
        if store.md5:
            headers["Content-MD5"] = b64encode(hashlib.md5(store.wrong_md5 or content).digest()).decode()
        wanted = self.headers.get("Range")
        if wanted is None:
            self._answer(200, content, headers, body=body)
            return
        store.ranges.append(wanted)
        first, last = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted).groups()  # type: ignore[union-attr]
        if int(first) >= len(content):
            self._answer(416, b"", {})
            return
        self._answer(206, content[int(first) : int(last) + 1 if last else None], headers)

    def _answer(self, code: int, content: bytes, headers: dict[str, str], *, body: bool = True) -> None:
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        cut = self.server.breaks.pop(0) if body and content and self.server.breaks else len(content)
        if body:
            self.wfile.write(content[:cut])
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def store() -> Iterator[Store]:
    with Store() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


CONTENT = os.urandom(300_000)
_AT_ONCE = 8


@pytest.mark.parametrize("md5", [True, False])
def test_a_download_goes_on_where_it_broke_off(store: Store, tmp_path: Path, md5: bool) -> None:
    store.blobs["a ü.bin"], store.breaks, store.md5 = CONTENT, [100_000, 150_000], md5
    target = tmp_path / "deep" / "a ü.bin"
    heard: list[tuple[int, int]] = []
    assert Blobs().save(store.url("a ü.bin"), target, lambda done, of: heard.append((done, of)))
    assert target.read_bytes() == CONTENT
    assert heard == sorted(heard)
    assert heard[-1] == (300_000, 300_000)
    assert store.ranges == ["bytes=0-", "bytes=100000-", "bytes=250000-"]
    assert [path.name for path in target.parent.iterdir()] == ["a ü.bin"]


def test_a_download_is_taken_up_by_another_process(store: Store, tmp_path: Path) -> None:
    store.blobs["a"], store.breaks = CONTENT, [100_000]
    blobs, target = Blobs(), tmp_path / "a"
    store.refuses = []
    url = store.url("a")
    # The connection breaks off, and then the address has run out.
    store.breaks = [100_000, *([0] * 10)]
    with pytest.raises(RunError, match="cannot be read") as raised:
        blobs.save(url, target)
    assert raised.value.transient
    assert not target.exists()
    assert "secret" not in str(raised.value)
    store.breaks, store.ranges = [], []
    assert Blobs().save(url, target)
    assert store.ranges == ["bytes=100000-"]
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("md5", [True, False])
def test_many_who_want_the_same_at_once_all_have_it(store: Store, tmp_path: Path, md5: bool) -> None:
    store.blobs["a"], store.md5 = CONTENT, md5
    together = threading.Barrier(_AT_ONCE)

    def save(target: Path) -> bytes:
        together.wait()
        assert Blobs().save(store.url("a"), target)
        return target.read_bytes()

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for turn in range(10):
            store.breaks = [100_000, 100_000]
            found = list(threads.map(save, [tmp_path / str(turn) / "a"] * _AT_ONCE))
            assert found == [CONTENT] * _AT_ONCE
            assert [path.name for path in (tmp_path / str(turn)).iterdir()] == ["a"]


def test_what_has_changed_meanwhile_is_begun_anew(store: Store, tmp_path: Path) -> None:
    store.blobs["a"], store.breaks = CONTENT, [100_000, *([0] * 10)]
    with pytest.raises(RunError):
        Blobs().save(store.url("a"), tmp_path / "a")
    store.breaks, store.blobs["a"] = [], b"another" * 1000
    assert Blobs().save(store.url("a"), tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"another" * 1000
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("md5", [True, False])
def test_what_is_there_already_is_not_written_again(store: Store, tmp_path: Path, md5: bool) -> None:
    store.blobs["a"], store.md5 = CONTENT, md5
    (tmp_path / "a").write_bytes(CONTENT)
    before = (tmp_path / "a").stat().st_mtime_ns
    assert Blobs().save(store.url("a"), tmp_path / "a")
    assert (tmp_path / "a").stat().st_mtime_ns == before
    assert bool(store.ranges) is not md5, "what is known to be the same was fetched"


def test_what_is_never_what_the_store_says_is_not_fetched_for_ever(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fledge_azureml.blobs._PAUSE", 0.0)
    store.blobs["a"], store.wrong_md5 = b"content", b"of an older one"
    with pytest.raises(RunError, match="what comes is not what the blob store says of it"):
        Blobs().save(store.url("a"), tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_who_may_not_read_is_told_the_role_that_may(store: Store) -> None:
    store.refuses = [(403, {"x-ms-error-code": "AuthorizationPermissionMismatch"})]
    with pytest.raises(RunError) as raised:
        Blobs().read(store.url("a"))
    assert '"Storage Blob Data Contributor"' in str(raised.value)


def test_an_empty_file_is_a_file_and_none_is_none(store: Store, tmp_path: Path) -> None:
    store.blobs["empty"] = b""
    assert Blobs().save(store.url("empty"), tmp_path / "empty")
    assert (tmp_path / "empty").read_bytes() == b""
    assert not Blobs().save(store.url("none"), tmp_path / "none")
    assert Blobs().read(store.url("none"), 5, 5) == b""
    assert list(tmp_path.iterdir()) == [tmp_path / "empty"]


@pytest.mark.parametrize(
    ("code", "headers", "transient"),
    [
        (403, {"x-ms-error-code": "AuthenticationFailed"}, True),
        (401, {"x-ms-error-code": "NoAuthenticationInformation"}, True),
        (403, {"x-ms-error-code": "AuthorizationFailure"}, False),
        (403, {"x-ms-error-code": "AuthorizationPermissionMismatch"}, False),
        (403, {}, False),
        (429, {"Retry-After": "0"}, True),
        (503, {"x-ms-error-code": "ServerBusy"}, True),
        (400, {"x-ms-error-code": "InvalidUri"}, False),
    ],
)
def test_a_refusal_says_what_and_whether_to_try_again(
    store: Store, code: int, headers: dict[str, str], transient: bool
) -> None:
    store.refuses = [(code, headers)]
    with pytest.raises(RunError, match=f"the blob store answers {code}") as raised:
        Blobs().read(store.url("a"))
    assert raised.value.transient is transient
    assert headers.get("x-ms-error-code", "") in raised.value.message
    assert "secret" not in str(raised.value)


def test_nobody_there_is_told(tmp_path: Path) -> None:
    with Store() as gone:
        url = gone.url("a")
    with pytest.raises(RunError, match="cannot be read: ConnectError") as raised:
        Blobs().save(url, tmp_path / "a")
    assert raised.value.transient


class Submissions:
    """As much of a workspace as a log asks for: each submission's word and log files."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.words: dict[str, str] = {}

    def details(self, name: str) -> Details | None:
        if name not in self.words:
            return None
        logs = [one for one in self.store.blobs if one.startswith(f"{name}/")]
        return Details(self.words[name], logs={one.removeprefix(f"{name}/"): self.store.url(one) for one in logs})


@pytest.fixture
def submissions(store: Store) -> Submissions:
    return Submissions(store)


def log_of(submissions: Submissions) -> Log:
    workspace: Workspace = submissions  # type: ignore[assignment]
    return Log(workspace, Blobs())


def whole(log: Log, earlier: list[Ended], name: str, cursor: int = 0) -> bytes:
    told = b""
    while data := log.read(earlier, name, cursor + len(told)):
        told += data
    return told


def test_a_log_is_rank_0s_and_then_the_others(store: Store, submissions: Submissions) -> None:
    first, second = "user_logs/std_log_process_00.txt", "user_logs/std_log_process_01.txt"
    store.blobs |= {f"a/{first}": "zwölf\nno end".encode(), f"a/{second}": b"one\ntwo", "a/logs/other.txt": b"no"}
    submissions.words["a"] = "Running"
    assert whole(log_of(submissions), [], "a") == "zwölf\nno end".encode()
    submissions.words["a"] = "Completed"
    text = "zwölf\nno end\n[rank 1] one\n[rank 1] two\n".encode()
    log = log_of(submissions)
    assert (whole(log, [], "a"), log.size("a")) == (text, len(text))
    assert [whole(log, [], "a", cursor) for cursor in range(len(text) + 2)] == [
        text[cursor:] for cursor in range(len(text) + 2)
    ]


def test_of_a_rank_that_says_too_much_the_last_is_shown(
    store: Store, submissions: Submissions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fledge_azureml.log._KEPT", 9)
    store.blobs |= {f"a/user_logs/std_log_process_{rank:02}.txt": b"line 1\nline 2\n" for rank in range(2)}
    submissions.words["a"] = "Failed"
    text = b"line 1\nline 2\n[rank 1] (the first 5 bytes are not shown)\n[rank 1] 1\n[rank 1] line 2\n"
    found = log_of(submissions)
    assert (whole(found, [], "a"), found.size("a")) == (text, len(text))


def test_a_first_rank_that_is_longer_by_now_is_not_mixed_with_the_others(
    store: Store, submissions: Submissions, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = "a/user_logs/std_log_process_00.txt", "a/user_logs/std_log_process_01.txt"
    store.blobs |= {one: b"first\n", other: b"other\n"}
    submissions.words["a"] = "Completed"
    read, found = Blobs.read, log_of(submissions)

    def grows(self: Blobs, url: str, begin: int = 0, limit: int | None = None) -> bytes:
        data = read(self, url, begin, limit)
        store.blobs[one] = b"first\nand more\n"
        return data

    monkeypatch.setattr(Blobs, "read", grows)
    assert whole(found, [], "a", 6) == b"and more\n[rank 1] other\n"


def test_a_later_submissions_log_begins_where_the_earlier_ones_ended(store: Store, submissions: Submissions) -> None:
    file = "user_logs/std_log.txt"
    store.blobs |= {f"a/{file}": b"first\n", f"b/{file}": b"second\n", f"c/{file}": b"third\n"}
    submissions.words |= {"a": "Failed", "b": "Canceled", "c": "Running"}
    log = log_of(submissions)
    earlier = [Ended("a", log.size("a")), Ended("b", log.size("b"))]
    for cursor in range(20):
        assert whole(log, earlier, "c", cursor) == b"first\nsecond\nthird\n"[cursor:]


def test_of_what_is_not_there_is_no_log(submissions: Submissions) -> None:
    submissions.words["a"] = "Queued"
    log = log_of(submissions)
    assert (log.read([], "a", 0), log.read([], "b", 0), log.size("b")) == (b"", b"", 0)


PARTS = st.sampled_from(["a", "b", "ab", "a.b", "[", "ü"])
PATHS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)
PATTERNS = st.lists(st.sampled_from(["a", "*", "?", "a*", "*.b", "**", "[ab]", "[!a]", "a.b"]), min_size=1, max_size=4)


@given(st.lists(PATHS, max_size=6), PATTERNS)
def test_patterns_match_what_pathlib_finds(paths: list[str], pattern: list[str]) -> None:
    # pathlib's own of a last ** are folders alone, up to Python 3.12.
    told = "/".join(pattern) + ("/*" if pattern[-1] == "**" else "")
    with tempfile.TemporaryDirectory() as name:
        for path in paths:
            place = Path(name, f"{path}-file")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
        files = [path for path in Path(name).rglob("*") if path.is_file()]
        found = {path for path in Path(name).glob(told) if path.is_file()}
        assert {path for path in files if matcher(told).fullmatch(path.relative_to(name).as_posix())} == found
        assert all(path.relative_to(name).as_posix().startswith(beginning(told)) for path in found)


@pytest.mark.parametrize("pattern", ["", "/etc/passwd", "../x", "outputs/../../x", "a/[z-a]"])
def test_patterns_that_leave_the_run_or_are_none_are_refused(pattern: str) -> None:
    with pytest.raises(UsageError, match="outputs"):
        matcher(pattern)
