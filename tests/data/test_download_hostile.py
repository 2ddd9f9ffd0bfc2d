"""Downloading from servers that do what servers should not."""

import hashlib
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from fledge import DataError, download

OLD = os.urandom(400_000)
NEW = os.urandom(400_000)
NEW_DIGEST = hashlib.sha256(NEW).hexdigest()
LIMIT = 10_000_000

Answer = Callable[[BaseHTTPRequestHandler, int], None]


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """A loopback server; `answer` is told the request and its number, from 0."""
    count = 0

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            nonlocal count
            count += 1
            answer(self, count - 1)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Quiet."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_port}/photos.zip"
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


def send(request: BaseHTTPRequestHandler, status: int, headers: dict[str, object], body: bytes) -> None:
    request.send_response(status)
    for key, value in headers.items():
        request.send_header(key, str(value))
    request.end_headers()
    request.wfile.write(body)


def test_the_rest_of_another_file_is_not_joined_to_the_beginning_of_the_first(tmp_path: Path) -> None:
    def answer(request: BaseHTTPRequestHandler, number: int) -> None:
        asked = request.headers.get("Range")
        if number == 0:
            send(request, 200, {"ETag": '"old"', "Content-Length": len(OLD)}, OLD[:100_000])
        elif asked:  # it does not look at If-Range
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            told = {"ETag": '"new"', "Content-Range": f"bytes {start}-{len(NEW) - 1}/{len(NEW)}"}
            send(request, 206, {**told, "Content-Length": len(NEW) - start}, NEW[start:])
        else:
            send(request, 200, {"ETag": '"new"', "Content-Length": len(NEW)}, NEW)

    with answering(answer) as url:
        assert download(url, tmp_path / "file", max_bytes=LIMIT) == NEW_DIGEST


def test_a_server_that_never_gets_further_is_given_up(tmp_path: Path) -> None:
    tries = 0

    def answer(request: BaseHTTPRequestHandler, number: int) -> None:
        nonlocal tries
        tries = number + 1
        # No ranges, and each other time a little more than the time before.
        send(request, 200, {"Content-Length": len(NEW)}, NEW[: 50_000 if number % 2 else 100_000])

    with answering(answer) as url, pytest.raises(DataError, match="cannot be fetched") as caught:
        download(url, tmp_path / "file", max_bytes=LIMIT, attempts=3)
    assert tries == 4
    assert "HTTPS_PROXY" in str(caught.value)


def test_what_was_whole_when_the_process_was_killed_is_not_fetched_again(tmp_path: Path) -> None:
    requests = 0

    def answer(request: BaseHTTPRequestHandler, number: int) -> None:
        nonlocal requests
        requests = number + 1
        send(request, 200, {"ETag": '"new"', "Content-Length": len(NEW)}, NEW)

    program = """
import os, pathlib, signal, sys
from fledge import download
def progress(what, done, total, unit="files"):
    if done == total:
        os.kill(os.getpid(), signal.SIGKILL)
download(sys.argv[1], pathlib.Path(sys.argv[2]), max_bytes=10**7, progress=progress)
"""
    with answering(answer) as url:
        subprocess.run([sys.executable, "-c", program, url, str(tmp_path / "file")])
        assert not (tmp_path / "file").exists()
        # The last bytes may have been with the killed process still.
        partial = (tmp_path / "file.part").stat().st_size < len(NEW)
        assert download(url, tmp_path / "file", max_bytes=LIMIT) == NEW_DIGEST
    assert requests == 1 + partial


def test_a_length_that_is_not_told_is_bounded_by_counting(tmp_path: Path) -> None:
    def answer(request: BaseHTTPRequestHandler, number: int) -> None:
        send(request, 200, {}, NEW)

    with answering(answer) as url:
        assert download(url, tmp_path / "file", max_bytes=len(NEW)) == NEW_DIGEST
        with pytest.raises(DataError, match="holds more than"):
            download(url, tmp_path / "other", max_bytes=len(NEW) - 1)
    assert not [path for path in tmp_path.iterdir() if "part" in path.name]


def test_secrets_in_an_address_are_neither_told_nor_kept(tmp_path: Path) -> None:
    def answer(request: BaseHTTPRequestHandler, number: int) -> None:
        if number:
            send(request, 403, {"Content-Length": 0}, b"")
        else:
            send(request, 200, {"ETag": '"new"', "Content-Length": len(NEW)}, NEW[:1000])

    with answering(answer) as url, pytest.raises(DataError, match="403") as caught:
        download(url.replace("//", "//name:hidden@") + "?sig=hidden", tmp_path / "file", max_bytes=LIMIT)
    assert "hidden" not in str(caught.value)
    kept = [path for path in tmp_path.iterdir() if path.suffix == ".json"]
    assert kept
    assert all("hidden" not in path.read_text() for path in kept)


def test_no_room_is_said_before_the_transfer_and_how_much_is_needed(tmp_path: Path) -> None:
    def answer(request: BaseHTTPRequestHandler, number: int) -> None:
        send(request, 200, {"ETag": '"big"', "Content-Length": 10**16}, b"")

    with answering(answer) as url, pytest.raises(DataError, match=r"10,000,000,000 MB are needed") as caught:
        download(url, tmp_path / "file", max_bytes=10**17)
    assert str(tmp_path) in str(caught.value)


def test_a_full_disk_says_how_much_is_needed_and_what_was_fetched_is_kept(tmp_path: Path) -> None:
    def answer(request: BaseHTTPRequestHandler, number: int) -> None:
        asked = request.headers.get("Range")
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        told: dict[str, object] = {"ETag": '"new"', "Content-Length": len(NEW) - start}
        if asked:
            told["Content-Range"] = f"bytes {start}-{len(NEW) - 1}/{len(NEW)}"
        send(request, 206 if asked else 200, told, NEW[start:])

    program = """
import pathlib, sys
from fledge import DataError, download
try:
    download(sys.argv[1], pathlib.Path(sys.argv[2]), max_bytes=10**7)
except DataError as error:
    print(error)
"""
    with answering(answer) as url:
        done = subprocess.run(
            [sys.executable, "-c", program, url, str(tmp_path / "file")],
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
            capture_output=True,
            text=True,
        )
        assert f"no room in {tmp_path}: 0.4 MB are needed" in done.stdout, done.stderr
        assert (tmp_path / "file.part").stat().st_size > 0
        assert download(url, tmp_path / "file", max_bytes=LIMIT) == NEW_DIGEST


def test_a_wrong_file_from_before_is_replaced_by_the_right_one_and_by_no_other(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(OLD)
    source = tmp_path / "source"
    source.write_bytes(NEW)
    with pytest.raises(DataError, match="is not the file it should be"):
        download(str(source), target, max_bytes=LIMIT, sha256="0" * 64)
    assert target.read_bytes() == OLD
    assert download(str(source), target, max_bytes=LIMIT, sha256=NEW_DIGEST.upper()) == NEW_DIGEST
    assert target.read_bytes() == NEW


def test_two_processes_fetch_once(tmp_path: Path) -> None:
    requests = 0

    def answer(request: BaseHTTPRequestHandler, number: int) -> None:
        nonlocal requests
        requests = number + 1
        request.send_response(200)
        request.send_header("ETag", '"new"')
        request.send_header("Content-Length", str(len(NEW)))
        request.end_headers()
        for start in range(0, len(NEW), 40_000):
            request.wfile.write(NEW[start : start + 40_000])
            time.sleep(0.05)

    program = """
import pathlib, sys
from fledge import download
print(download(sys.argv[1], pathlib.Path(sys.argv[2]), max_bytes=10**7))
"""
    with answering(answer) as url:
        words = [sys.executable, "-c", program, url, str(tmp_path / "file")]
        both = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(3)]
        assert [process.communicate()[0].strip() for process in both] == [NEW_DIGEST] * 3
    assert requests == 1


@pytest.mark.parametrize("url", ["http://nowhere.invalid/x.zip", "http://127.0.0.1:1/x.zip"])
def test_no_such_host_and_nobody_there(tmp_path: Path, url: str) -> None:
    with pytest.raises(DataError, match=r"cannot be fetched.*\(2 tries\)") as caught:
        download(url, tmp_path / "file", max_bytes=LIMIT, attempts=2)
    assert "network" in str(caught.value)


@pytest.mark.parametrize("url", ["http://", "http://a b/", "http://[::1", "file://elsewhere/x.zip", "file:///nowhere"])
def test_an_address_that_is_none(tmp_path: Path, url: str) -> None:
    with pytest.raises(DataError):
        download(url, tmp_path / "file", max_bytes=LIMIT, attempts=1)


def test_a_proxy_setting_that_is_none(tmp_path: Path) -> None:
    program = "import pathlib, fledge; fledge.download('https://127.0.0.1:1/x', pathlib.Path('x'), max_bytes=1)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "HTTPS_PROXY": "nonsense://x", "NO_PROXY": ""},
        capture_output=True,
        text=True,
    )
    assert "DataError: the proxy settings cannot be used" in done.stderr
