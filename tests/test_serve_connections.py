"""`fledge serve` and those who connect: nobody keeps others out, whether they never say what they want or are many."""

import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.gate import Gate
from tests.served import served
from tests.test_serve_load import HEAD, MOST, RAW, RED

if TYPE_CHECKING:
    from tests.conftest import Fledge, Give

# Without its folder in the path, where there is another `gate`.
HASTY = ["-P", str(Path(__file__).with_name("hasty_server.py"))]
HALF = b"GET /hea"
WHOLE = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
# It may open so many files, and 150 knock.
FILES, CROWD = 128, 150


@pytest.fixture
def house(fledge: "Fledge", give: "Give") -> "Fledge":
    """With a model `m.gate` that answers at once."""
    Gate(fledge, give).open()
    return fledge


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def connected(client: httpx.Client, opened: ExitStack, said: bytes = HALF) -> socket.socket:
    address = (client.base_url.host, client.base_url.port)
    one = opened.enter_context(socket.create_connection(address, timeout=60))
    one.sendall(said)
    return one


def said_by(one: socket.socket) -> bytes:
    """All of it, until the other side is done."""
    told = b""
    try:
        while piece := one.recv(1 << 16):
            told += piece
    except ConnectionResetError:
        pass
    return told


def ended(process: "subprocess.Popen[str]") -> str:
    """Told to stop, it does; what it had said on standard error."""
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    assert process.stderr is not None
    return process.stderr.read()


def predicts(client: httpx.Client) -> bool:
    told = client.post("/predict", content=RED, headers=RAW)
    return told.status_code == 200 and told.json()["predictions"][0]["label"] == "red"


def test_a_crowd_that_never_says_what_it_wants_goes(house: "Fledge", opened: ExitStack) -> None:
    with served(house, "m.gate", program=HASTY, ulimit=f"-n {FILES}") as (client, process):
        crowd = [connected(client, opened) for _ in range(CROWD)]
        told = [said_by(one) for one in crowd]
        let_in = told.count(b"")
        # As many as it has files for, but for a few that it needs itself; the others are told.
        assert FILES / 2 < let_in < FILES - 32
        assert all(one.startswith(b"HTTP/1.1 503 ") and b"\r\nRetry-After: 1\r\n" in one for one in told if one)
        assert client.get("/health").status_code == 200
        assert predicts(client)
        assert ended(process) == ""


def test_who_is_one_too_many_is_let_in_once_others_have_gone(house: "Fledge", opened: ExitStack) -> None:
    """As `fledge serve` itself, whose limit of seconds nobody here waits for."""
    with served(house, "m.gate", ulimit=f"-n {FILES}") as (client, process):
        with ExitStack() as crowd:
            for _ in range(CROWD):
                connected(client, crowd)
            told = client.get("/health")
            assert (told.status_code, told.headers["Retry-After"]) == (503, "1")
            assert told.json() == {"detail": "too many are connected already"}
        while client.get("/health").status_code == 503:
            pass
        assert client.get("/").status_code == 200
        assert predicts(client)
        assert ended(process) == ""


def test_a_soft_limit_is_none(house: "Fledge", opened: ExitStack) -> None:
    with served(house, "m.gate", ulimit=f"-S -n {FILES}") as (client, _):
        for _ in range(CROWD):
            connected(client, opened)
        assert client.get("/health").status_code == 200
        assert predicts(client)


def test_half_a_head_after_an_answer_does_not_stay(house: "Fledge", opened: ExitStack) -> None:
    with served(house, "m.gate", program=HASTY) as (client, process):
        several = [connected(client, opened, WHOLE * times) for times in (1, 2)]
        for one in several:
            assert one.recv(1000).startswith(b"HTTP/1.1 200 ")
            # From here on it is no longer idle, which ends sooner.
            one.sendall(HALF)
        for one in several:
            assert b"HTTP/1.1 4" not in said_by(one)
        assert predicts(client)
        assert ended(process) == ""


def test_who_drips_has_no_more_time(house: "Fledge", opened: ExitStack) -> None:
    with served(house, "m.gate", program=HASTY) as (client, _):
        # One that was answered before it was whole drips its body, another its head.
        refused = b"POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
        dripping = {connected(client, opened, refused), connected(client, opened)}
        for one in dripping:
            one.setblocking(False)
        while dripping:
            time.sleep(0.1)
            for one in set(dripping):
                try:
                    one.send(b"x")
                except ConnectionError:
                    dripping.remove(one)


def test_who_takes_no_answers_does_not_stay(house: "Fledge", opened: ExitStack) -> None:
    with served(house, "m.gate", program=HASTY) as (client, process):
        one = connected(client, opened, b"")
        one.setblocking(False)
        page = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
        try:
            while True:
                try:
                    one.send(page * 100)
                except BlockingIOError:
                    time.sleep(0.1)
        except ConnectionError:
            pass
        assert predicts(client)
        assert ended(process) == ""


def test_the_model_has_all_the_time_it_needs(fledge: "Fledge", give: "Give", opened: ExitStack) -> None:
    gate = Gate(fledge, give)
    with served(fledge, "m.gate", program=HASTY) as (client, _):
        asking = connected(client, opened, HEAD.replace(str(MOST).encode(), str(len(RED)).encode()) + RED)
        # Longer than a head may take: that of another, which came later, has had its time.
        assert said_by(connected(client, opened)) == b""
        gate.open()
        assert asking.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_where_nobody_can_be_let_in_it_says_so_seldom(house: "Fledge", opened: ExitStack) -> None:
    with served(house, "m.gate") as (client, process):
        assert client.get("/health").status_code == 200
        before = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (3, before[1]))
        waiting = connected(client, opened, WHOLE)
        waiting.settimeout(3)
        with pytest.raises(TimeoutError):
            waiting.recv(1)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, before)
        waiting.settimeout(60)
        assert waiting.recv(1000).startswith(b"HTTP/1.1 200 ")
        assert predicts(client)
        said = ended(process).splitlines()
        assert len(said) == 1
        assert "Too many open files" in said[0]
