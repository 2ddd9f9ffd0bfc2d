import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fledge import DataError, download

from tests.flaky_server import FlakyServer, serving

CONTENT = os.urandom(3_000_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
LIMIT = 10_000_000


def test_a_connection_that_breaks_off_is_taken_up_where_it_was(tmp_path: Path) -> None:
    seen: list[int] = []
    with serving(FlakyServer(CONTENT, breaks=2)) as server:
        digest = download(
            server.url, tmp_path / "file", max_bytes=LIMIT, progress=lambda _, done, __, ___="": seen.append(done)
        )
    assert digest == DIGEST
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.requests[0] is None
    asked = [int(request.removeprefix("bytes=").rstrip("-")) for request in server.requests[1:] if request]
    assert len(asked) == 2
    assert 0 < asked[0] < asked[1] < len(CONTENT)
    assert seen == sorted(seen)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "file.lock"]


def test_a_server_without_ranges_is_asked_anew(tmp_path: Path) -> None:
    with serving(FlakyServer(CONTENT, breaks=1, ranges=False)) as server:
        assert download(server.url, tmp_path / "file", max_bytes=LIMIT) == DIGEST


def test_a_file_that_changes_in_between_is_fetched_anew(tmp_path: Path) -> None:
    with serving(FlakyServer(os.urandom(1000), breaks=99)) as server:
        with pytest.raises(DataError, match=r"broke off|closed|incomplete"):
            download(server.url, tmp_path / "file", max_bytes=LIMIT, attempts=1)
        assert (tmp_path / "file.part").exists()
        server.content, server.breaks = CONTENT, 0
        assert download(server.url, tmp_path / "file", max_bytes=LIMIT) == DIGEST


def test_a_killed_download_is_taken_up_by_the_next_process(tmp_path: Path) -> None:
    target = tmp_path / "file"
    with serving(FlakyServer(CONTENT, breaks=10_000)) as server:
        # Its connections always break, so that there is a time in which to kill it.
        program = (
            "from fledge import download; import pathlib; "
            f"download({server.url!r}, pathlib.Path({str(target)!r}), max_bytes={LIMIT}, attempts=99)"
        )
        process = subprocess.Popen([sys.executable, "-c", program])
        part = tmp_path / "file.part"
        # An empty beginning is rightly asked for anew, and the last bytes must not be there yet.
        while not part.exists() or not part.stat().st_size:
            assert process.poll() is None, "it ended before a byte had come"
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not target.exists()
        server.breaks = 0
        assert download(server.url, target, max_bytes=LIMIT) == DIGEST
        assert server.requests[-1] is not None


def test_a_wrong_hash_is_refused_and_the_file_removed(tmp_path: Path) -> None:
    with serving(FlakyServer(CONTENT)) as server:
        with pytest.raises(DataError, match=DIGEST):
            download(server.url, tmp_path / "file", max_bytes=LIMIT, sha256="0" * 64)
        assert not (tmp_path / "file").exists()
        assert download(server.url, tmp_path / "file", max_bytes=LIMIT, sha256=DIGEST) == DIGEST


def test_what_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    with serving(FlakyServer(CONTENT)) as server:
        download(server.url, tmp_path / "file", max_bytes=LIMIT)
        download(server.url, tmp_path / "file", max_bytes=LIMIT)
    assert len(server.requests) == 1


def test_more_than_the_bound_is_refused(tmp_path: Path) -> None:
    with serving(FlakyServer(CONTENT)) as server, pytest.raises(DataError, match="more than the 1 MB"):
        download(server.url, tmp_path / "file", max_bytes=1_000_000)
    assert not (tmp_path / "file").exists()


def test_an_address_that_is_not_there_says_so(tmp_path: Path) -> None:
    with serving(FlakyServer(b"", status=404)) as server, pytest.raises(DataError, match="answers 404"):
        download(server.url, tmp_path / "file", max_bytes=LIMIT)


def test_a_server_that_is_busy_is_asked_again(tmp_path: Path) -> None:
    with serving(FlakyServer(b"", status=503)) as server, pytest.raises(DataError, match="503"):
        download(server.url, tmp_path / "file", max_bytes=LIMIT, attempts=2)
    assert len(server.requests) == 2


def test_nobody_listening(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be fetched"):
        download("http://127.0.0.1:9/x.zip", tmp_path / "file", max_bytes=LIMIT, attempts=1)


@pytest.mark.parametrize("form", ["path", "address"])
def test_a_local_file(tmp_path: Path, form: str) -> None:
    source = tmp_path / "a file"
    source.write_bytes(CONTENT)
    url = str(source) if form == "path" else source.as_uri()
    assert download(url, tmp_path / "file", max_bytes=LIMIT) == DIGEST


def test_other_schemes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not 'ftp'"):
        download("ftp://example.org/x", tmp_path / "file", max_bytes=LIMIT)
