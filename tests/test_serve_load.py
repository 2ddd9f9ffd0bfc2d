"""`fledge serve` under load, and as it stops: what it holds is bounded, and whoever was let in is answered."""

import io
import os
import re
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.gate import Gate
from tests.pictures import bomb
from tests.served import served

if TYPE_CHECKING:
    from tests.conftest import Fledge, Give

RAW = {"Content-Type": "image/png"}
MOST = 64 * 1024 * 1024
HEAD = (
    f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: {MOST}\r\n\r\n".encode()
)


@pytest.fixture
def gate(fledge: "Fledge", give: "Give") -> Gate:
    return Gate(fledge, give)


def png(pixels: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


RED = png(np.full((20, 30, 3), (200, 60, 60), dtype=np.uint8))


def reds(count: int) -> list[tuple[str, tuple[str, bytes]]]:
    return [("file", (f"{number}.png", RED)) for number in range(count)]


def until(client: httpx.Client, holds: "Callable[[dict[str, Any]], bool]") -> None:
    """Asks /health until it tells what is waited for; the test's time limit is the only clock."""
    while not holds(client.get("/health").json()):
        pass


def until_refused(address: tuple[str, int | None]) -> None:
    """A server that was told to stop lets nobody in."""
    while True:
        try:
            socket.create_connection(address).close()
        except ConnectionResetError:
            # It was next to be let in when the door was shut.
            pass
        except ConnectionRefusedError:
            return


def test_what_comes_meanwhile_is_the_next_batch(fledge: "Fledge", gate: Gate) -> None:
    with served(fledge, "m.gate") as (client, _), ThreadPoolExecutor(4) as crowd:
        first = crowd.submit(client.post, "/predict", content=RED, headers=RAW)
        until(client, lambda health: (health["waiting"], health["ready"], gate.batches) == (1, 0, [1]))
        others = [crowd.submit(client.post, "/predict", files=reds(count)) for count in (1, 9, 30)]
        until(client, lambda health: health["ready"] == 40)
        gate.open()
        for one in [first, *others]:
            told = one.result()
            assert {answer["label"] for answer in told.json()["predictions"]} == {"red"}
        assert gate.batches == [1, 32, 8]


def test_what_is_refused_keeps_its_room_until_all_of_it_is_done(fledge: "Fledge", gate: Gate) -> None:
    with served(fledge, "m.gate") as (client, _), ThreadPoolExecutor(1) as crowd:
        asked = crowd.submit(client.post, "/predict", files=[("file", ("bomb.png", bomb())), *reds(20)])
        # One or more are with the model, which waits.
        until(client, lambda health: bool(gate.batches) and sum(gate.batches, health["ready"]) == 20)
        # Before this is answered, what was decided about the bomb has been carried out.
        for _ in range(20):
            health = client.get("/health").json()
            assert health["waiting"] == 21
            assert health["held"] > len(bomb())
        assert not asked.done()
        gate.open()
        assert (asked.result().status_code, "bomb.png" in asked.result().text) == (413, True)
        assert client.get("/health").json() == {"status": "ok", "waiting": 0, "ready": 0, "held": 0}


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_answers_whom_it_has_let_in(fledge: "Fledge", gate: Gate, asked: signal.Signals) -> None:
    with served(fledge, "m.gate") as (client, process), ThreadPoolExecutor(4) as crowd:
        address = (client.base_url.host, client.base_url.port)
        held = [crowd.submit(client.post, "/predict", files=reds(40)) for _ in range(4)]
        until(client, lambda health: health["waiting"] == 160)
        half = socket.create_connection(address)
        half.sendall(HEAD.replace(str(MOST).encode(), str(len(RED)).encode()) + RED[:50])
        whole = sum(len(one) for _, (_, one) in reds(160))
        before = client.get("/health").json()["held"]
        assert before >= whole
        os.kill(process.pid, asked)
        until_refused(address)
        # It has heard; the model has answered nobody yet.
        assert not any(one.done() for one in held)
        half.sendall(RED[50:])
        gate.open()
        for one in held:
            assert one.result().status_code == 200
        assert half.recv(1000).startswith(b"HTTP/1.1 200 OK")
        half.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_told_twice_to_stop_it_waits_for_nobody(fledge: "Fledge", gate: Gate) -> None:
    with served(fledge, "m.gate") as (client, process):
        address = (client.base_url.host, client.base_url.port)
        half = socket.create_connection(address)
        half.sendall(HEAD + RED)
        until(client, lambda health: health["held"] == len(RED))
        os.kill(process.pid, signal.SIGINT)
        until_refused(address)
        os.kill(process.pid, signal.SIGINT)
        assert half.recv(1000).startswith(b"HTTP/1.1 503 ")
        half.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_a_crowd_is_answered_or_told_to_wait(fledge: "Fledge", gate: Gate) -> None:
    gate.open()
    files = reds(40)
    with served(fledge, "m.gate") as (client, _):

        def ask(_: int) -> int:
            told = client.post("/predict", files=files)
            if told.status_code == 429:
                assert told.headers["Retry-After"] == "1"
            else:
                assert [one["label"] for one in told.json()["predictions"]] == ["red"] * 40
            return told.status_code

        with ThreadPoolExecutor(20) as crowd:
            statuses = list(crowd.map(ask, range(60)))
        assert set(statuses) == {200, 429}
        assert client.get("/health").json() == {"status": "ok", "waiting": 0, "ready": 0, "held": 0}


def test_who_announces_and_sends_nothing_keeps_nobody_out(fledge: "Fledge", gate: Gate) -> None:
    gate.open()
    with served(fledge, "m.gate") as (client, _):
        slow = [socket.create_connection((client.base_url.host, client.base_url.port)) for _ in range(100)]
        for one in slow:
            one.sendall(HEAD + RED[:10])
        until(client, lambda health: health["held"] >= 1000)
        assert client.post("/predict", content=RED, headers=RAW).status_code == 200
        assert client.get("/health").json()["held"] == 1000
        for one in slow:
            one.close()
        until(client, lambda health: health["held"] == 0)


def test_who_fills_it_and_stalls_gives_way(fledge: "Fledge", gate: Gate) -> None:
    gate.open()
    with served(fledge, "m.gate") as (client, _):
        slow = [socket.create_connection((client.base_url.host, client.base_url.port)) for _ in range(8)]
        for one in slow:
            one.sendall(HEAD + bytes(MOST - 1))
        # All but a byte of each: there is no room for another picture.
        until(client, lambda health: health["held"] == 8 * (MOST - 1))
        while client.post("/predict", content=RED, headers=RAW).status_code == 429:
            pass
        # Not because its time was over: the longest one was sent away, for the others' sake.
        told = slow[0].recv(1000)
        assert told.startswith(b"HTTP/1.1 408 ")
        assert b"others needed its room" in told
        assert client.get("/health").json()["held"] == 7 * (MOST - 1)
        # The others are whole with their last byte: zeros, and no picture.
        for one in slow[1:]:
            one.sendall(b"\0")
            assert one.recv(1000).startswith(b"HTTP/1.1 422 ")
        for one in slow:
            one.close()
        assert client.get("/health").json()["held"] == 0


def megabytes(pid: int, what: str) -> float:
    found = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def test_decoding_large_pictures_is_bounded(fledge: "Fledge", gate: Gate) -> None:
    """As resident memory: an image of 50 megapixels has 200 MB in RGB."""
    gate.open()
    deep = png(np.tile(np.linspace(0, 65535, 8000).astype(np.uint16), (6250, 1)))
    clear = png(np.full((6250, 8000, 4), 200, dtype=np.uint8))
    tall = png(np.zeros((49_000_000, 1), dtype=np.uint8))
    with served(fledge, "m.gate") as (client, process):
        assert client.post("/predict", content=RED, headers=RAW).status_code == 200
        before = megabytes(process.pid, "VmRSS")
        assert client.post("/predict", content=deep, headers=RAW).status_code == 200
        assert megabytes(process.pid, "VmHWM") - before < 400
        with ThreadPoolExecutor(4) as crowd:
            told = list(crowd.map(lambda one: client.post("/predict", content=one, headers=RAW), [clear] * 3))
        assert [one.status_code for one in told] == [200] * 3
        # Two of them would take more than there is, and wait for each other.
        assert megabytes(process.pid, "VmHWM") - before < 600
        assert megabytes(process.pid, "VmRSS") - before < 100
        refused = client.post("/predict", content=tall, headers=RAW)
        assert (refused.status_code, "to decode" in refused.text) == (413, True)
        assert megabytes(process.pid, "VmHWM") - before < 600
