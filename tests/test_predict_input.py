"""What `fledge predict` takes for pictures, how much of it at once, and how it ends."""

import io
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from tests.handmade import colour_model
from tests.pictures import see_through

if TYPE_CHECKING:
    from tests.conftest import Fledge

RED, BLUE = (200, 60, 60), (60, 60, 200)
ASK = [sys.executable, "-m", "fledge", "predict", "m.onnx"]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, fledge_in: "Callable[[Path], Fledge]") -> "Fledge":
    """A folder with a model, `m.onnx`, that tells red from blue; and photographs of both."""
    fledge = fledge_in(tmp_path_factory.mktemp("input") / "work")
    colour_model(fledge.folder / "m.onnx")
    for name, colour in (("red", RED), ("blue", BLUE)):
        (fledge.folder / "photos" / name).mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (24, 20), colour).save(fledge.folder / "photos" / name / f"{number}.jpg")
    return fledge


def told(fledge: "Fledge", data: bytes, *words: str, status: int = 0) -> list[tuple[str, str]]:
    """(path, label or error) of what standard input brings."""
    done = subprocess.run(
        [*ASK, "-", "--json", *words], cwd=fledge.folder, env=fledge.environment, input=data, capture_output=True
    )
    assert done.returncode == status, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return [(line["path"], line.get("label") or line["error"]) for line in lines]


@contextmanager
def asking(fledge: "Fledge", *words: str, **streams: Any) -> "Iterator[subprocess.Popen[bytes]]":
    with subprocess.Popen([*ASK, *words], cwd=fledge.folder, env=fledge.environment, **streams) as process:
        try:
            yield process
        except BaseException:
            # A test that fails would wait for it.
            process.kill()
            raise


def encoded(form: str, colour: tuple[int, int, int] = RED) -> bytes:
    kept = io.BytesIO()
    picture = Image.new("RGB", (24, 20), colour)
    (picture.convert("1") if form == "XBM" else picture).save(kept, form)
    return kept.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000", "ICO", "TGA", "PCX"])
def test_a_picture_by_standard_input(house: "Fledge", form: str) -> None:
    assert told(house, encoded(form)) == [("-", "red")]


def test_pictures_that_begin_as_text_does(house: "Fledge") -> None:
    for kind, pixel in ((b"P3", b"200 60 60 "), (b"P6", bytes(RED))):
        assert told(house, kind + b"\n# by hand\n2 2\n255\n" + pixel * 4) == [("-", "red")]
    ((name, _),) = told(house, encoded("XBM"))
    assert name == "-"


def test_what_is_transparent_is_white(house: "Fledge", tmp_path: Path) -> None:
    (line,) = house("predict", "m.onnx", tmp_path / see_through(tmp_path), "--json").lines
    assert line["label"] == "red"


def test_bytes_that_are_neither_are_one_broken_picture(house: "Fledge") -> None:
    assert told(house, bytes(range(256)) * 9, status=1) == [("-", "is not an image that Pillow can read")]
    assert told(house, encoded("BMP")[:200], status=1)[0][1].startswith("is cut off")


def test_a_picture_larger_than_any_is_refused_in_bounded_memory(house: "Fledge") -> None:
    with asking(house, "-", stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b"P6\n20000 20000\n255\n")
        # It reads no further than it must.
        with suppress(BrokenPipeError):
            for _ in range(1024):
                process.stdin.write(bytes(1024 * 1024))
            pytest.fail("all of it was read")
        with suppress(BrokenPipeError):
            process.stdin.close()
        assert b"error: - is larger than 536,870,912 bytes" in process.stderr.read()


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\0"])
def test_names_however_they_end(house: "Fledge", ends: bytes) -> None:
    odd = [b"P6 2019.jpg", b"BMW.jpg", b"GIF89a notes.jpg", b" two  blanks .jpg", b"\xff\xfe.jpg", b"a" * 200 + b".jpg"]
    for name in odd:
        (house.folder / os.fsdecode(name)).write_bytes(encoded("JPEG"))
    whole = [*odd, b"photos/blue", b"photos/red/[01].jpg"]
    # The last one's end may be missing, and empty lines mean nothing.
    found = told(house, ends + ends.join(whole) + ends * 2) + told(house, ends.join(whole))
    names = [
        *map(os.fsdecode, odd),
        *(f"photos/blue/{n}.jpg" for n in range(3)),
        *(f"photos/red/{n}.jpg" for n in "01"),
    ]
    assert [name for name, _ in found] == names * 2
    assert [label for _, label in found] == [*["red"] * 6, *["blue"] * 3, *["red"] * 2] * 2


def test_a_name_that_never_ends_is_told_of(house: "Fledge") -> None:
    *_, (name, error) = told(house, b"photos/red/0.jpg\n" + b"a" * 1_000_000, status=1)
    assert (name, error.split(":")[0]) == ("-", "holds a name of more than 65,536 bytes")


def test_standard_input_that_brings_nothing(house: "Fledge") -> None:
    assert told(house, b"", status=1) == [("-", "brings nothing")]
    assert told(house, b"\n\r\n\n", status=1) == [("-", "brings nothing")]
    assert told(house, b"no.jpg\n", status=1) == [("no.jpg", "there is no such file")]
    closed = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *ASK, "-"], cwd=house.folder, env=house.environment, capture_output=True
    )
    assert (closed.returncode, closed.stderr.splitlines()[0]) == (1, b"error: - is closed: there is no standard input")


def test_a_terminal_is_asked_for_names(house: "Fledge") -> None:
    ours, its = pty.openpty()
    with asking(house, "-", stdin=its, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert b"Ctrl-D" in process.stderr.readline()
        os.write(ours, b"photos/red/0.jpg\n\x04")
        assert process.stdout.read().startswith(b"photos/red/0.jpg\tred ")
    os.close(ours)
    os.close(its)
    assert process.returncode == 0


def test_answers_come_while_names_do(house: "Fledge") -> None:
    # Were the list read to its end first, nobody would end it.
    with asking(house, "-", "--batch", "2", "--json", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        # Two batches ahead of the one that is asked about.
        process.stdin.write(b"photos/red/0.jpg\n" * 6)
        process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for _ in range(2)]
        # Whoever asked for this one's answer has not opened it yet: it comes to be now.
        Image.new("RGB", (24, 20), BLUE).save(house.folder / "late.jpg")
        process.stdin.write(b"late.jpg\n")
        process.stdin.close()
        answers += [json.loads(line) for line in process.stdout]
    assert [line["label"] for line in answers] == [*["red"] * 6, "blue"]


def peak(fledge: "Fledge", model: str, name: bytes, count: int) -> float:
    """Megabytes that `fledge predict` comes to hold of a name, asked for so many times."""
    (fledge.folder / "names").write_bytes(name * count)
    with (fledge.folder / "names").open("rb") as names, (fledge.folder / "answers").open("wb") as answers:
        process = subprocess.Popen(
            [sys.executable, "-m", "fledge", "predict", model, "-", "--json"],
            cwd=fledge.folder,
            env=fledge.environment,
            stdin=names,
            stdout=answers,
            stderr=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(process.pid, 0)
    # What Popen would else wait for.
    process.returncode = os.waitstatus_to_exitcode(status)
    assert len((fledge.folder / "answers").read_bytes().splitlines()) == count
    return used.ru_maxrss / 1024


def test_memory_does_not_grow_with_the_pictures(house: "Fledge") -> None:
    # Of 256 x 256: 1,800 more are 350 MB of pixels.
    colour_model(house.folder / "large.onnx", edge=256)
    name = b"photos/red/0.jpg\n"
    assert peak(house, "large.onnx", name, 2000) < peak(house, "large.onnx", name, 200) + 100


def test_names_are_no_list_in_memory(house: "Fledge") -> None:
    # Of pictures that are not there: 60 megabytes of names.
    assert peak(house, "m.onnx", b"x" * 600 + b".jpg\n", 100_000) < peak(house, "m.onnx", b"x.jpg\n", 100) + 40


def test_whoever_reads_the_answers_may_go(house: "Fledge") -> None:
    done = subprocess.run(
        ["sh", "-c", '"$@" | head -n 1', "sh", *ASK, *["photos"] * 300],
        cwd=house.folder,
        env=house.environment,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("photos/blue/0.jpg\tblue ")
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_answers_for_nobody(house: "Fledge", closed: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *ASK, "photos/red/0.jpg"],
        cwd=house.folder,
        env=house.environment,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == ("photos/red/0.jpg\tred 100.0%\n" if closed == "2>&-" else "")


@pytest.mark.parametrize("batch", ["1", "4096"])
def test_an_interrupt_ends_it(house: "Fledge", batch: str) -> None:
    with asking(
        house, "-", "--batch", batch, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        # More than a pipe holds: once it is written, names are being taken.
        process.stdin.write(b"photos/red/0.jpg\n" * 10_000)
        process.send_signal(signal.SIGINT)
        told = process.stderr.read()
    assert told == b"interrupted\n"
    assert process.returncode == 130


def test_a_picture_that_vanishes_costs_itself_alone(house: "Fledge") -> None:
    names = [f"one that may vanish {number}.jpg" for number in range(9)]
    for name in names:
        Image.new("RGB", (24, 20), RED).save(house.folder / name)
    with asking(house, "-", "--batch", "1", "--json", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("".join(f"{name}\n" for name in names[:4]).encode())
        process.stdin.flush()
        answers = [process.stdout.readline()]
        (house.folder / names[5]).unlink()
        process.stdin.write("".join(f"{name}\n" for name in names[4:]).encode())
        process.stdin.close()
        answers += process.stdout
    told = [json.loads(line) for line in answers]
    assert [line["path"] for line in told] == names
    assert [line["path"] for line in told if "error" in line] == [names[5]]
    assert process.returncode == 1


def test_what_cannot_be_read_is_listed(house: "Fledge", tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "circle.jpg").symlink_to(tmp_path / "circle.jpg")
    (tmp_path / "gone.jpg").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe.jpg")
    names = ["circle.jpg", "empty.jpg", "gone.jpg", "pipe.jpg"]
    paths = [str(tmp_path / name) for name in names]
    done = house("predict", "m.onnx", *paths, "photos/red/0.jpg", "x" * 5000, "--json", status=1)
    told = [line.get("error") for line in done.lines]
    assert told == [
        "cannot be read: Too many levels of symbolic links",
        "is empty (zero bytes)",
        "is a link to nowhere",
        "is not a regular file; a picture can come by standard input, as -",
        None,
        "cannot be read: File name too long",
    ]
    assert done.err == "5 of 6 could not be read\n"


def test_a_name_is_one_line_whatever_is_in_it(house: "Fledge", tmp_path: Path) -> None:
    name = "\x1b[31mred\tor\nblue ü.png"
    Image.new("RGB", (24, 20), RED).save(tmp_path / name)
    (line,) = house("predict", "m.onnx", tmp_path).out.splitlines()
    shown, label = line.split("\t")
    assert (shown, label.split()[0]) == (f"{tmp_path}/\\x1b[31mred\\tor\\nblue ü.png", "red")
    (told,) = house("predict", "m.onnx", tmp_path, "--json").lines
    assert told["path"] == str(tmp_path / name)


def test_folders(house: "Fledge", tmp_path: Path) -> None:
    # One that is called as a picture is; one within that leads back up; two that hold nothing.
    Image.new("RGB", (24, 20), RED).save(tmp_path / "1.png")
    (tmp_path / "a.jpg").mkdir()
    Image.new("RGB", (24, 20), BLUE).save(tmp_path / "a.jpg" / "2.png")
    for name in ("up", "again"):
        (tmp_path / "a.jpg" / name).symlink_to(tmp_path)
    (tmp_path / ".hidden.png").write_bytes(b"")
    both = [str(tmp_path / "1.png"), str(tmp_path / "a.jpg" / "2.png")]
    for word in (tmp_path, tmp_path / "**", tmp_path / "**" / "*.png", f"{tmp_path}/**/?.png"):
        assert [line["path"] for line in house("predict", "m.onnx", word, "--json").lines] == both, word
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "up").symlink_to(tmp_path / "none")
    assert house("predict", "m.onnx", tmp_path / "none", "*.gif", status=1).err.splitlines() == [
        f"error: {tmp_path / 'none'} holds no file",
        "error: *.gif matches no file",
        "2 of 2 could not be read",
    ]


def test_numbers_on_the_edge(house: "Fledge") -> None:
    twice = house("predict", "m.onnx", "photos/red/0.jpg", "photos/red/0.jpg", "--top", "1000000000", "--json").lines
    assert twice[0] == twice[1]
    assert [one["label"] for one in twice[0]["top"]] == ["red", "blue"]
    for words in (("--batch", "0"), ("--top", "0"), ("--batch", "4097"), ("--top", "x")):
        refused = house("predict", "m.onnx", "photos", *words, status=2)
        assert words[0] in refused.err
        assert refused.out == ""
