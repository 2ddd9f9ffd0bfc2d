"""`fledge predict`: what is on pictures, in the order they were named."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.handmade import CORNERS, corner_model
from tests.pictures import broken_pictures, grey, odd_pictures, turned_pictures

if TYPE_CHECKING:
    from tests.conftest import Fledge

RUN = ("run", "--dataset", "dots", "--model", "tiny", "--with", "onnx")
SETTINGS = ("training.epochs=12", "training.mode=head", "training.lr=0.2", "dataset.noise=0.05")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, fledge_in: "Callable[[Path], Fledge]") -> "Fledge":
    """A folder with an exported model, `m.onnx`, that tells red from blue; and photographs of both."""
    fledge = fledge_in(tmp_path_factory.mktemp("predict") / "work")
    fledge(*RUN, *(word for one in SETTINGS for word in ("--set", one)))
    (run,) = (fledge.home / "runs").iterdir()
    shutil.copy(run / "outputs" / "model.onnx", fledge.folder / "m.onnx")
    for name, colour in (("red", (200, 60, 60)), ("blue", (60, 60, 200))):
        folder = fledge.folder / "photos" / name
        folder.mkdir(parents=True)
        for number in range(5):
            Image.new("RGB", (24 + number, 20), colour).save(folder / f"{number}.jpg")
    return fledge


def labels(fledge: "Fledge", *words: str) -> dict[str, str]:
    return {line["path"]: line["label"] for line in fledge("predict", *words, "--json").lines}


def test_files_folders_and_patterns(house: "Fledge") -> None:
    every = {f"photos/{name}/{number}.jpg": name for name in ("blue", "red") for number in range(5)}
    assert labels(house, "m.onnx", "photos") == every
    assert list(labels(house, "m.onnx", "photos")) == list(every)
    assert labels(house, "m.onnx", "photos/red") == {k: v for k, v in every.items() if v == "red"}
    assert labels(house, "m.onnx", "photos/*/1.jpg") == {k: v for k, v in every.items() if k.endswith("1.jpg")}
    assert labels(house, "m.onnx", "photos/**/1.jpg", "--batch", "1").keys() == {
        "photos/red/1.jpg",
        "photos/blue/1.jpg",
    }
    named = ("photos/red/3.jpg", "photos/blue/0.jpg")
    assert list(labels(house, "m.onnx", *named)) == list(named)


@pytest.mark.parametrize("words", [("predict", "m.onnx", "photos/red"), ("export", "latest", "--format", "onnx", "-o")])
def test_nobody_else_is_told_of_a_model(house: "Fledge", tmp_path: Path, words: tuple[str, ...]) -> None:
    # Of continuous integration ONNX Runtime tells nobody anyway.
    told = {name: value for name, value in house.environment.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY")}
    # Where it did tell, it would keep its number for this machine, and what is not sent yet.
    alone = replace(house, environment=told | {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")})
    alone(*words, *([tmp_path / "mine.onnx"] if words[0] == "export" else []))
    assert not [path for path in tmp_path.rglob("*") if "onnxruntime" in path.name]


def test_a_cache_that_takes_no_model_is_named(house: "Fledge") -> None:
    house("models", "register", "latest", "--name", "dots")
    told = house("predict", "dots", "photos", status=1, XDG_CACHE_HOME="/proc/nowhere").err
    assert "dots/1 cannot be kept in the cache /proc/nowhere/fledge: No such file or directory" in told
    assert "XDG_CACHE_HOME=DIR" in told


def test_of_a_run_that_failed_nobody_is_told_to_export_it(fledge: "Fledge") -> None:
    (fledge.folder / "s.py").write_text("raise SystemExit(1)")
    fledge("run", "--script", "s.py", status=1)
    told = fledge("predict", "latest", "photos", status=1).err
    assert "is FAILED and has no exported file" in told
    assert "fledge export" not in told
    assert "fledge runs resume" in told


def test_every_batch_size_gives_the_same_answer(house: "Fledge") -> None:
    def shares(batch: str) -> list[float]:
        return [line["probability"] for line in house("predict", "m.onnx", "photos", "--batch", batch, "--json").lines]

    whole = pytest.approx(shares("32"), abs=1e-5)
    assert shares("3") == whole
    assert shares("1") == whole


def test_the_likeliest_classes(house: "Fledge") -> None:
    (line,) = house("predict", "m.onnx", "photos/red/0.jpg", "--top", "5", "--json").lines
    assert [one["label"] for one in line["top"]] == ["red", "blue"]
    assert line["top"][0]["probability"] == line["probability"] > 0.5
    assert sum(one["probability"] for one in line["top"]) == pytest.approx(1)
    shown = house("predict", "m.onnx", "photos/red/0.jpg", "--top", "2").out
    assert shown.startswith("photos/red/0.jpg\tred ")
    assert "\tblue " in shown


def test_a_model_by_run_name_and_alias(house: "Fledge") -> None:
    (run,) = (path.name for path in (house.home / "runs").iterdir())
    house("models", "register", run, "--name", "colours")
    house("models", "promote", "colours", "1", "--alias", "production")
    for word in (run, "latest", "colours", "colours/1", "colours@production"):
        assert labels(house, word, "photos/red/0.jpg") == {"photos/red/0.jpg": "red"}, word
    # What was fetched once and damaged since is fetched anew.
    for kept in (Path(house.environment["XDG_CACHE_HOME"]) / "fledge" / "exported").glob("*/model.onnx"):
        kept.write_bytes(b"damaged")
    assert labels(house, "colours", "photos/red/0.jpg") == {"photos/red/0.jpg": "red"}


def test_what_is_no_model(house: "Fledge", tmp_path: Path) -> None:
    assert "did you mean" not in house("predict", "zzz", "photos", status=2).err
    assert (
        "there is no exported file, registered model or run named 'zzz'"
        in house("predict", "zzz", "photos", status=2).err
    )
    for content in (b"", b"no model"):
        (tmp_path / "x.onnx").write_bytes(content)
        assert "is no ONNX file" in house("predict", str(tmp_path / "x.onnx"), "photos", status=1).err
    (tmp_path / "x.txt").write_bytes(b"")
    said = house("predict", str(tmp_path / "x.txt"), "photos", status=2).err
    assert "x.txt is no exported file: its name ends in .txt" in said
    assert ".onnx" in said


def test_unusual_pictures_have_their_answer(house: "Fledge", tmp_path: Path) -> None:
    names = odd_pictures(tmp_path)
    assert labels(house, "m.onnx", str(tmp_path)) == {str(tmp_path / name): "red" for name in names}


def test_16_bits_are_scaled_to_8(house: "Fledge", tmp_path: Path) -> None:
    def share(name: str) -> float:
        (line,) = house("predict", "m.onnx", tmp_path / name, "--json").lines
        probability = float(line["probability"])
        return probability if line["label"] == "red" else 1 - probability

    for name, level in (("shallow.png", 117), ("white.png", 255)):
        Image.new("L", (40, 30), level).save(tmp_path / name)
    assert share(grey(tmp_path)) == share("shallow.png") != pytest.approx(share("white.png"), abs=1e-4)


def test_a_picture_is_seen_as_it_was_held(house: "Fledge", tmp_path: Path) -> None:
    corner_model(house.folder / "corners.onnx")
    told, untold = turned_pictures(tmp_path)
    assert set(labels(house, "corners.onnx", *(str(tmp_path / name) for name in told)).values()) == {CORNERS[0]}
    assert CORNERS[0] not in labels(house, "corners.onnx", *(str(tmp_path / name) for name in untold)).values()


def test_broken_pictures_are_told_of_and_the_others_answered(house: "Fledge", tmp_path: Path) -> None:
    wrong = broken_pictures(tmp_path)
    Image.new("RGB", (20, 20), (60, 60, 200)).save(tmp_path / "whole.png")
    (tmp_path / "gone.jpg").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe.jpg")
    done = house("predict", "m.onnx", str(tmp_path), "missing.jpg", "nothing/*.jpg", "--json", status=1)
    told = {Path(line["path"]).name: line for line in done.lines}
    assert told.pop("whole.png")["label"] == "blue"
    assert told.pop("gone.jpg")["error"] == "is a link to nowhere"
    assert "is not a regular file" in told.pop("pipe.jpg")["error"]
    assert told.pop("missing.jpg")["error"] == "there is no such file"
    assert told.pop("*.jpg")["error"] == "matches no file"
    assert told.keys() == wrong.keys()
    for name, words in wrong.items():
        assert words in told[name]["error"]
    assert "8 of 9 could not be read" in done.err
    shown = house("predict", "m.onnx", str(tmp_path), status=1)
    assert shown.out == f"{tmp_path / 'whole.png'}\tblue {shown.out.rpartition(' ')[2]}"
    assert f"error: {tmp_path / 'cut.jpg'} is cut off" in shown.err
