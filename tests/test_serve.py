"""`fledge serve`: a real server on loopback, asked by real clients."""

import base64
import io
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from PIL import Image

from tests.browser import browser
from tests.pictures import bomb, broken_pictures, grey, odd_pictures

if TYPE_CHECKING:
    from tests.conftest import Fledge

RUN = ("run", "--dataset", "dots", "--model", "tiny", "--with", "onnx")
SETTINGS = ("training.epochs=12", "training.mode=head", "training.lr=0.2", "dataset.noise=0.05")
RAW = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, fledge_in: "Callable[[Path], Fledge]") -> "Fledge":
    """A folder with an exported model, `m.onnx`, that tells red from blue."""
    fledge = fledge_in(tmp_path_factory.mktemp("serve") / "work")
    fledge(*RUN, *(word for one in SETTINGS for word in ("--set", one)))
    (run,) = (fledge.home / "runs").iterdir()
    shutil.copy(run / "outputs" / "model.onnx", fledge.folder / "m.onnx")
    return fledge


@contextmanager
def served(house: "Fledge", *words: str, **environment: str) -> "Iterator[tuple[httpx.Client, subprocess.Popen[str]]]":
    process = subprocess.Popen(
        [sys.executable, "-m", "fledge", "serve", "m.onnx", "--port", "0", *words],
        cwd=house.folder,
        env=house.environment | environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        assert "m.onnx answers at http://" in line, line + process.stderr.read()
        with httpx.Client(base_url=line.split()[-1], timeout=60) as client:
            yield client, process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.fixture(scope="module")
def server(house: "Fledge") -> Iterator[httpx.Client]:
    with served(house) as (client, _):
        yield client
        assert client.get("/health").json() == {"status": "ok", "waiting": 0}


def picture(colour: tuple[int, int, int] = (200, 60, 60), kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (30, 20), colour).save(file, kind)
    return file.getvalue()


def test_one_picture_as_it_is(server: httpx.Client) -> None:
    for headers in (RAW, {"Content-Type": "image/png"}):
        told = server.post("/predict", content=picture(), headers=headers)
        assert told.status_code == 200
        (one,) = told.json()["predictions"]
        assert (one["label"], one["error"]) == ("red", None)
        assert [label["label"] for label in one["top"]] == ["red", "blue"]


def test_many_pictures_as_a_form(server: httpx.Client) -> None:
    colours = {"a.png": (200, 60, 60), "b.png": (60, 60, 200), "c.png": (200, 60, 60)}
    told = server.post("/predict", files=[("file", (name, picture(one))) for name, one in colours.items()])
    assert [(one["name"], one["label"]) for one in told.json()["predictions"]] == [
        ("a.png", "red"), ("b.png", "blue"), ("c.png", "red")]  # fmt: skip


def test_the_answer_is_predicts(server: httpx.Client, house: "Fledge") -> None:
    (house.folder / "one.png").write_bytes(picture((150, 60, 120)))
    (line,) = house("predict", "m.onnx", "one.png", "--json").lines
    told = server.post("/predict", content=picture((150, 60, 120)), headers=RAW).json()["predictions"][0]
    assert told["probability"] == pytest.approx(line["probability"], abs=1e-6)


_SEEN = """
const until = Date.now() + 30000;
const bars = () => [...document.querySelectorAll(".row")].map((row) =>
  [row.children[0].textContent, row.children[2].textContent, row.children[1].firstChild.style.width]);
const said = () => document.getElementById("said").textContent;
return (async () => {
  while (bars().length === 0 && said() === "" && Date.now() < until) await new Promise((done) => setTimeout(done, 50));
  return [bars(), said()];
})();
"""
_DROP = """
const bytes = Uint8Array.from(atob(arguments[0]), (one) => one.charCodeAt(0)), dropped = new DataTransfer();
dropped.items.add(new File([bytes], "a.png"));
document.getElementById("labels").replaceChildren();
document.dispatchEvent(new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true }));
"""


def test_a_person_chooses_or_drops_a_picture(house: "Fledge", tmp_path: Path) -> None:
    (tmp_path / "red.png").write_bytes(picture())
    (tmp_path / "none.png").write_bytes(b"no picture")
    with served(house, FLEDGE_TOKEN="s3cret") as (client, _), browser() as person:
        person.open(str(client.base_url))
        person.type("#file", str(tmp_path / "red.png"))
        assert person.run(_SEEN) == [[], "this needs a token"]
        person.type("#secret", "s3cret")
        person.type("#file", str(tmp_path / "none.png"))
        bars, said = person.run(_SEEN)
        assert (bars, said[:23]) == ([], "picture is not an image")
        person.type("#file", str(tmp_path / "red.png"))
        (first, second), said = person.run(_SEEN)
        assert (first[0], second[0], said) == ("red", "blue", "")
        assert float(first[1].rstrip("%")) == float(first[2].rstrip("%"))
        assert float(first[1].rstrip("%")) + float(second[1].rstrip("%")) == pytest.approx(100, abs=0.2)
        person.run(_DROP, base64.b64encode(picture((60, 60, 200))).decode())
        assert person.run(_SEEN)[0][0][0] == "blue"


def test_what_it_tells_of_itself(server: httpx.Client) -> None:
    told = server.get("/metadata").json()
    assert (told["file"], told["classes"]) == ("m.onnx", ["red", "blue"])
    assert told["metadata"]["preprocessing"]["resize"] == [16, 16]
    described = server.get("/openapi.json").json()
    assert set(described["paths"]) == {"/predict", "/health", "/metadata"}
    assert set(described["paths"]["/predict"]["post"]["responses"]) >= {"200", "401", "413", "415", "422", "429"}


def test_unusual_pictures_have_their_answer(server: httpx.Client, tmp_path: Path) -> None:
    for name in odd_pictures(tmp_path):
        told = server.post("/predict", content=(tmp_path / name).read_bytes(), headers=RAW)
        assert told.json()["predictions"][0]["label"] == "red", name
    assert server.post("/predict", content=(tmp_path / grey(tmp_path)).read_bytes(), headers=RAW).status_code == 200


def test_broken_pictures_are_refused(server: httpx.Client, tmp_path: Path) -> None:
    for name, words in broken_pictures(tmp_path).items():
        told = server.post("/predict", content=(tmp_path / name).read_bytes(), headers=RAW)
        assert told.status_code == (413 if name == "bomb.png" else 422), name
        assert words in told.text
    told = server.post("/predict", files=[("file", ("a.png", picture())), ("file", ("b.png", b"none"))])
    assert told.status_code == 422
    whole, broken = told.json()["predictions"]
    assert whole["label"] == "red"
    assert broken["error"].startswith("b.png is not an image")


def test_what_is_too_much_or_of_the_wrong_kind(server: httpx.Client) -> None:
    assert server.post("/predict", content=bytes(65 * 1024 * 1024), headers=RAW).status_code == 413

    def chunks() -> Iterator[bytes]:
        for _ in range(65):
            yield bytes(1024 * 1024)

    assert server.post("/predict", content=chunks(), headers=RAW).status_code == 413
    many = [("file", (f"{number}.png", picture())) for number in range(65)]
    assert server.post("/predict", files=many).status_code == 413
    assert server.post("/predict", content=bomb(), headers=RAW).status_code == 413
    assert server.post("/predict", content=b"{}", headers={"Content-Type": "application/json"}).status_code == 415
    assert server.post("/predict", content=b"").status_code == 415
    assert server.post("/predict", data={"file": "words"}, files=[]).status_code == 415
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    assert server.post("/predict", content=b"no form", headers=broken).status_code == 422
    assert server.post("/predict", content=b"", headers={"Content-Type": "multipart/form-data"}).status_code == 422
    assert server.get("/predict").status_code == 405


def test_a_crowd_is_answered_or_told_to_wait(server: httpx.Client) -> None:
    files = [("file", (f"{number}.png", picture())) for number in range(40)]

    def ask(_: int) -> int:
        told = server.post("/predict", files=files)
        if told.status_code == 429:
            assert told.headers["Retry-After"] == "1"
        else:
            assert [one["label"] for one in told.json()["predictions"]] == ["red"] * 40
        return told.status_code

    with ThreadPoolExecutor(20) as crowd:
        statuses = list(crowd.map(ask, range(60)))
    assert set(statuses) == {200, 429}


def test_what_is_announced_has_room_or_is_told_to_wait(house: "Fledge") -> None:
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: {64 * 1024 * 1024}\r\n\r\n"
    with served(house) as (client, _):
        address = (client.base_url.host, client.base_url.port)
        slow = [socket.create_connection(address) for _ in range(8)]
        for one in slow:
            one.sendall(head.encode())
        while client.post("/predict", content=picture(), headers=RAW).status_code != 429:
            pass
        for one in slow:
            one.close()
        while client.post("/predict", content=picture(), headers=RAW).status_code != 200:
            pass


def test_a_token_is_asked_for(house: "Fledge") -> None:
    with served(house, FLEDGE_TOKEN="s3cret-ü") as (client, _):
        assert client.get("/health").status_code == 200
        assert client.get("/").status_code == 200
        for words in (b"", b"Bearer wrong", "Basic s3cret-ü".encode()):
            headers = {b"Authorization": words} if words else {}
            told = client.post("/predict", files=[("file", ("a.png", picture()))], headers=headers)
            assert (told.status_code, told.headers["WWW-Authenticate"]) == (401, "Bearer")
            assert client.get("/metadata", headers=headers).status_code == 401
        right = {b"Authorization": "Bearer s3cret-ü".encode()}
        assert client.post("/predict", files=[("file", ("a.png", picture()))], headers=right).status_code == 200


def test_where_it_listens(house: "Fledge") -> None:
    told = house("serve", "m.onnx", "--host", "0.0.0.0", status=2).err
    assert "at 0.0.0.0 others can reach it: that needs a token" in told
    assert "the token is empty" in house("serve", "m.onnx", "--token", "", status=2).err
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = house("serve", "m.onnx", "--port", str(taken.getsockname()[1]), status=2).err
        assert "Address already in use" in told
    assert (
        "name another with --host" in house("serve", "m.onnx", "--host", "no.such.host", "--token", "x", status=2).err
    )


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_finishes_what_it_holds(house: "Fledge", asked: signal.Signals) -> None:
    with served(house) as (client, process):
        files = [("file", (f"{number}.png", picture())) for number in range(60)]
        with ThreadPoolExecutor(4) as crowd:
            asking = [crowd.submit(client.post, "/predict", files=files) for _ in range(4)]
            while client.get("/health").json()["waiting"] == 0 and not all(one.done() for one in asking):
                pass
            os.kill(process.pid, asked)
            for one in asking:
                try:
                    assert one.result().status_code == 200
                except httpx.ConnectError:
                    # It had not been let in yet.
                    continue
        assert process.wait(timeout=60) == 0
