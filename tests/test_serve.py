"""`fledge serve`: a real server on loopback, asked by real clients."""

import base64
import io
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.browser import browser
from tests.pictures import bomb, broken_pictures, odd_pictures
from tests.served import served

if TYPE_CHECKING:
    from tests.conftest import Fledge

RAW = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, fledge_in: "Callable[[Path], Fledge]", red_or_blue: Path
) -> "Fledge":
    """A folder with an exported model, `m.onnx`, that tells red from blue."""
    fledge = fledge_in(tmp_path_factory.mktemp("serve") / "work")
    shutil.copy(red_or_blue, fledge.folder / "m.onnx")
    return fledge


@pytest.fixture(scope="module")
def server(house: "Fledge") -> Iterator[httpx.Client]:
    with served(house, "m.onnx") as (client, _):
        yield client
        assert client.get("/health").json() == {"status": "ok", "waiting": 0, "ready": 0, "held": 0}


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
const until = Date.now() + 60000, wanted = arguments[0];
const ones = () => [...document.querySelectorAll(".one")].map((one) => ({
  name: one.querySelector(".name").textContent,
  wrong: one.querySelector(".wrong") ? one.querySelector(".wrong").textContent : "",
  picture: one.querySelector("img") !== null,
  rows: [...one.querySelectorAll(".row")].map((row) => [
    row.children[0].textContent, row.children[2].textContent, row.children[1].firstChild.style.width]) }));
const said = () => document.getElementById("said").textContent;
// A picture that is none is taken away as soon as the browser has seen so.
const seen = () => [...document.querySelectorAll(".one img")].every((image) => image.complete && image.naturalWidth);
return (async () => {
  while ((ones().length < wanted || !seen()) && said() === "" && Date.now() < until)
    await new Promise((done) => setTimeout(done, 50));
  return [ones(), said()];
})();
"""
_DROP = """
const bytes = Uint8Array.from(atob(arguments[0]), (one) => one.charCodeAt(0)), dropped = new DataTransfer();
for (let number = 0; number < arguments[1]; number++) dropped.items.add(new File([bytes], number + ".png"));
document.dispatchEvent(new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true }));
"""
_ELSEWHERE = """
return performance.getEntriesByType("resource").map((one) => one.name)
  .filter((name) => !name.startsWith(location.origin) && !/^(data|blob):/.test(name));
"""


def test_a_person_chooses_or_drops_pictures(house: "Fledge", tmp_path: Path) -> None:
    (tmp_path / "red.png").write_bytes(picture())
    (tmp_path / "none.png").write_bytes(b"no picture")
    with served(house, "m.onnx", FLEDGE_TOKEN="s3cret") as (client, _), browser() as person:
        person.open(str(client.base_url))
        person.type("#file", str(tmp_path / "red.png"))
        assert person.run(_SEEN, 1) == [[], "this needs a token"]
        person.type("#secret", "s3cret")
        person.type("#file", f"{tmp_path / 'none.png'}\n{tmp_path / 'red.png'}")
        (none, red), said = person.run(_SEEN, 2)
        assert (none["name"], none["wrong"][:23], none["picture"]) == ("none.png", "picture is not an image", False)
        assert (none["rows"], red["name"], red["wrong"], red["picture"], said) == ([], "red.png", "", True, "")
        first, second = red["rows"]
        assert (first[0], second[0]) == ("red", "blue")
        assert float(first[1].rstrip("%")) == float(first[2].rstrip("%"))
        assert float(first[1].rstrip("%")) + float(second[1].rstrip("%")) == pytest.approx(100, abs=0.2)
        person.run(_DROP, base64.b64encode(picture((60, 60, 200))).decode(), 30)
        many, said = person.run(_SEEN, 30)
        assert [(one["name"], one["rows"][0][0]) for one in many] == [(f"{number}.png", "blue") for number in range(30)]
        assert said == ""
        assert person.run(_ELSEWHERE) == []
        assert client.get(person.run("return document.querySelector('footer a').href")).json()["openapi"]
        person.type("#secret", "ü")
        person.type("#file", str(tmp_path / "red.png"))
        assert "no token" in person.run(_SEEN, 1)[1]


def test_the_page_fits_a_phone_and_the_dark(house: "Fledge") -> None:
    with served(house, "m.onnx") as (client, _), browser() as person:
        colour = "return getComputedStyle(document.body).color"
        person.open(str(client.base_url))
        light = person.run(colour)
        person.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
        assert person.run(colour) != light
        person.command("Emulation.setDeviceMetricsOverride", width=320, height=640, deviceScaleFactor=2, mobile=True)
        person.run(_DROP, base64.b64encode(picture()).decode(), 2)
        assert len(person.run(_SEEN, 2)[0]) == 2
        assert person.run("return [innerWidth, document.documentElement.scrollWidth]") == [320, 320]


def test_what_it_tells_of_itself(server: httpx.Client) -> None:
    told = server.get("/metadata").json()
    assert (told["file"], told["classes"]) == ("m.onnx", ["red", "blue"])
    assert told["metadata"]["preprocessing"]["resize"] == [16, 16]
    described = server.get("/openapi.json").json()
    # They would load scripts from elsewhere.
    assert (server.get("/docs").status_code, server.get("/redoc").status_code) == (404, 404)
    assert set(described["paths"]) == {"/predict", "/health", "/metadata"}
    assert set(described["paths"]["/predict"]["post"]["responses"]) >= {"200", "401", "413", "415", "422", "429"}


def share_of_red(server: httpx.Client, content: bytes) -> float:
    (one,) = server.post("/predict", content=content, headers=RAW).json()["predictions"]
    return float(next(label["probability"] for label in one["top"] if label["label"] == "red"))


def test_unusual_pictures_have_their_answer(server: httpx.Client, tmp_path: Path) -> None:
    for name in odd_pictures(tmp_path):
        told = server.post("/predict", content=(tmp_path / name).read_bytes(), headers=RAW)
        assert told.json()["predictions"][0]["label"] == "red", name


def encoded(pixels: NDArray[Any], **how: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, **{"format": "PNG", **how})
    return file.getvalue()


def test_a_picture_is_seen_as_a_person_sees_it(server: httpx.Client) -> None:
    # Each quarter is of another colour: each way of holding it is another picture to the model.
    pixels = np.full((32, 32, 3), 255, dtype=np.uint8)
    pixels[:16, :16], pixels[:16, 16:], pixels[16:, :16] = (255, 0, 0), (0, 0, 255), 0
    upright = share_of_red(server, encoded(pixels))
    stored = {3: np.rot90(pixels, 2), 6: np.rot90(pixels), 8: np.rot90(pixels, -1)}
    for turn, one in stored.items():
        assert share_of_red(server, encoded(one)) != pytest.approx(upright, abs=1e-4)
        exif = Image.Exif()
        exif[0x0112] = turn
        assert share_of_red(server, encoded(one, exif=exif)) == pytest.approx(upright, abs=1e-6)


def test_sixteen_bits_are_the_same_grey_as_eight(server: httpx.Client) -> None:
    dark = np.tile(np.linspace(0, 120, 40).astype(np.uint8), (30, 1))
    shares = share_of_red(server, encoded(dark)), share_of_red(server, encoded(dark.astype(np.uint16) * 257))
    assert shares[0] == pytest.approx(shares[1], abs=1e-6)
    assert share_of_red(server, encoded(np.full((30, 40), 255, dtype=np.uint8))) != pytest.approx(shares[0], abs=1e-3)


def test_broken_pictures_are_refused(server: httpx.Client, tmp_path: Path) -> None:
    broken = broken_pictures(tmp_path) | {"empty.jpg": "picture is empty (zero bytes)"}
    for name, words in broken.items():
        told = server.post("/predict", content=(tmp_path / name).read_bytes(), headers=RAW)
        assert told.status_code == (413 if name == "bomb.png" else 422), name
        assert words in told.text
    told = server.post("/predict", files=[("file", ("a.png", picture())), ("file", ("b.png", b"none"))])
    assert told.status_code == 422
    whole, broken_one = told.json()["predictions"]
    assert whole["label"] == "red"
    assert broken_one["error"].startswith("b.png is not an image")
    icon = encoded(np.zeros((16, 16, 3), dtype=np.uint8), format="ICO")
    told = server.post("/predict", content=icon, headers=RAW)
    assert (told.status_code, "here: AVIF, BMP, GIF, JPEG" in told.text) == (422, True)


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
    assert "boundary" in server.post("/predict", content=b"", headers={"Content-Type": "multipart/form-data"}).text
    file = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + picture()
    assert "ends before it is whole" in server.post("/predict", content=file, headers=broken).text
    assert server.post("/predict", content=file + b"\r\n--x--\r\n", headers=broken).status_code == 200
    field = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nwords\r\n--x--\r\n'
    told = server.post("/predict", content=field, headers=broken)
    assert (told.status_code, told.json()) == (422, {"detail": "the form holds no file"})
    assert server.get("/predict").status_code == 405
    assert (server.head("/").status_code, server.head("/health").status_code) == (200, 200)


def test_a_token_is_asked_for(house: "Fledge") -> None:
    with served(house, "m.onnx", FLEDGE_TOKEN="s3cret-!~") as (client, _):
        for open_to_all in ("/health", "/", "/openapi.json"):
            assert client.get(open_to_all).status_code == 200
        for words in (b"", b"Bearer wrong", b"Basic s3cret-!~", "Bearer s3cret-ü".encode(), b"Bearer"):
            headers = {b"Authorization": words} if words else {}
            told = client.post("/predict", files=[("file", ("a.png", picture()))], headers=headers)
            assert (told.status_code, told.headers["WWW-Authenticate"]) == (401, "Bearer")
            assert client.get("/metadata", headers=headers).status_code == 401
        right = {"Authorization": "Bearer s3cret-!~"}
        assert client.post("/predict", files=[("file", ("a.png", picture()))], headers=right).status_code == 200


def test_a_token_that_not_everybody_can_send_is_none(house: "Fledge") -> None:
    for token, words in (("", "empty"), ("  ", "empty"), ("s3cret-ü", "ASCII"), ("two words", "ASCII"),
                         ("new\nline", "ASCII"), ("end ", "ASCII")):  # fmt: skip
        assert words in house("serve", "m.onnx", "--token", token, status=2).err
        assert words in house("serve", "m.onnx", status=2, FLEDGE_TOKEN=token).err


def test_only_who_means_this_machine_is_answered(house: "Fledge", server: httpx.Client) -> None:
    def asked_as(client: httpx.Client, host: str, path: str = "/health") -> int:
        return client.get(path, headers={"Host": host}).status_code

    for host in ("localhost", "LOCALHOST:8000", "127.0.0.1", "127.0.0.1:1", "127.1.2.3", "[::1]", "[::1]:8000"):
        assert asked_as(server, host) == 200, host
    others = (
        "evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "[::2]:80",
        "localhost.evil",
        "[",
        "",
    )
    for host in others:
        for path in ("/health", "/", "/metadata", "/openapi.json", "/no-such-page"):
            assert asked_as(server, host, path) == 400, host
    told = server.post("/predict", content=picture(), headers=RAW | {"Host": "evil.example"})
    assert (told.status_code, "'evil.example'" in told.json()["detail"]) == (400, True)
    with served(house, "m.onnx", "--host", "::1") as (client, _):
        assert client.get("/metadata").status_code == 200
        assert asked_as(client, "evil.example") == 400
    # Where others can reach it, it has names that it doesn't know, and a token.
    with served(house, "m.onnx", "--host", "0.0.0.0", "--token", "word") as (client, _):
        assert asked_as(client, "birds.example") == 200
        assert asked_as(client, "birds.example", "/metadata") == 401


def test_where_it_listens(house: "Fledge") -> None:
    told = house("serve", "m.onnx", "--host", "0.0.0.0", status=2).err
    assert "at 0.0.0.0 others can reach it: that needs a token" in told
    assert "the token is empty" in house("serve", "m.onnx", "--token", "", status=2).err
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = house("serve", "m.onnx", "--port", str(taken.getsockname()[1]), status=2).err
        assert f"127.0.0.1:{taken.getsockname()[1]}: Address already in use" in told
    for host in ("no.such.host", "127.0.0.l"):
        told = house("serve", "m.onnx", "--host", host, "--token", "x", status=2).err
        assert f"error: {host}:8000: there is no such host\n  name another with --host" in told
    assert "is no name of a host" in house("serve", "m.onnx", "--host", "ü..b", "--token", "x", status=2).err
