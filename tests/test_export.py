"""Exported models: one file, and the proof that it answers as the trained network does."""

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest

from tests.exported import CROOKED, RUN, certificate, copied, outputs, runs, two_runs
from tests.small_disk import small_disk

if TYPE_CHECKING:
    from tests.conftest import Fledge, Give


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, fledge_in: "Callable[[Path], Fledge]") -> "Fledge":
    return two_runs(fledge_in(tmp_path_factory.mktemp("export") / "work"))


@pytest.fixture
def house(template: "Fledge", fledge: "Fledge") -> "Fledge":
    return copied(template, fledge)


def test_a_run_exports_one_file_that_says_what_it_is(template: "Fledge") -> None:
    _, run = runs(template)
    made = outputs(template, run)
    assert sorted(path.name for path in made.glob("model*")) == ["model.onnx", "model.onnx.parity.json"]
    session = onnxruntime.InferenceSession(made / "model.onnx")
    (images,), (logits,) = session.get_inputs(), session.get_outputs()
    assert (images.name, images.type, images.shape) == ("images", "tensor(uint8)", ["batch", 3, 16, 16])
    assert (logits.name, logits.type, logits.shape) == ("logits", "tensor(float)", ["batch", 2])
    for count in (1, 5):
        pixels = np.zeros((count, 3, 16, 16), dtype=np.uint8)
        assert session.run(None, {"images": pixels})[0].shape == (count, 2)
    told, card = session.get_modelmeta().custom_metadata_map, json.loads((made / "best.json").read_text())
    assert json.loads(told["classes"]) == ["red", "blue"]
    assert json.loads(told["preprocessing"]) == {**card["transforms"], "shorter_edge": 32}
    assert (told["run"], told["weights_sha256"]) == (run, card["weights_sha256"])
    assert json.loads(told["dataset"]) == card["dataset"]
    events = template("runs", "show", run, "--json").last
    assert events["state"] == "COMPLETED"


def test_the_certificate_tells_of_the_whole_validation_split(template: "Fledge") -> None:
    told = certificate(outputs(template, runs(template)[1]) / "model.onnx")
    card = json.loads((outputs(template, runs(template)[1]) / "best.json").read_text())
    assert (told["images"], told["total"], told["seed"]) == (16, 16, None)
    assert (told["top1_agreement"], told["faults"]) == (1.0, [])
    assert 0 <= told["max_abs"] < 1e-4
    assert len(told["worst"]) == 5
    assert told["accuracy"]["pytorch"] == told["accuracy"]["exported"]
    assert told["accuracy"]["pytorch"] == pytest.approx(card["metrics"]["val_accuracy"])
    assert set(told["versions"]) >= {"torch", "onnx", "onnxruntime", "fledge"}
    assert all(seconds > 0 for seconds in told["seconds"].values())


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_other_number_formats(house: "Fledge", precision: str) -> None:
    plain, _ = runs(house)
    told = house("export", plain, "--precision", precision, "--json").last
    path = outputs(house, plain) / f"model-{precision}.onnx"
    assert told["path"] == str(path)
    assert told["precision"] == precision
    assert told["accuracy"]["pytorch"] - told["accuracy"]["exported"] <= 0.01
    assert told["max_abs"] > 0


def test_export_of_a_run_a_version_and_to_a_file(house: "Fledge") -> None:
    plain, _ = runs(house)
    assert house("export", plain).out.strip() == str(outputs(house, plain) / "model.onnx")
    shutil.rmtree(house.home / "models", ignore_errors=True)
    assert house("models", "register", plain, "--name", "dots").out.strip() == "dots/1"
    assert house("export", "dots").out.strip() == "dots-1.onnx"
    assert (house.folder / "dots-1.onnx.parity.json").exists()
    house("export", "dots/1", "-o", "new/place/m.onnx", "--opset", "20")
    written = onnx.load(house.folder / "new" / "place" / "m.onnx").opset_import
    assert {one.domain: one.version for one in written}[""] == 20


def test_what_cannot_be_exported(house: "Fledge") -> None:
    plain, _ = runs(house)
    told = house("export", "nothing", status=2).err
    assert "there is no run or registered model named 'nothing'" in told
    assert "did you mean 'onnx'?" in house("export", plain, "--format", "onyx", status=2).err
    assert "exports nothing" in house("export", plain, "--format", "stamp", status=2).err
    assert "precision" in house("export", plain, "--precision", "fp8", status=2).err
    assert "fledge plugins show onnx tells" in house("export", plain, "--opset", "7", status=2).err
    assert "is a folder" in house("export", plain, "-o", ".", status=1).err
    assert "--output mine.onnx" in house("export", plain, "-o", "mine", status=2).err
    os.mkfifo(house.folder / "pipe.onnx")
    assert "no regular file" in house("export", plain, "-o", "pipe.onnx", status=1).err
    (outputs(house, plain) / "best.safetensors").write_bytes(b"gone")
    assert "cannot be read" in house("export", plain, status=1).err
    assert not list(outputs(house, plain).glob("*model*"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"weights_sha256": "0" * 64}, "holds other weights than its card tells of"),
        ({"dataset": {"fingerprint": "0" * 64}}, "data set 'dots' has changed since the model was trained on it"),
    ],
)
def test_what_is_not_what_the_card_tells_of_is_not_exported(house: "Fledge", change: dict[str, Any], told: str) -> None:
    plain, _ = runs(house)
    card = outputs(house, plain) / "best.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), **change}))
    assert told in house("export", plain, status=1).err


def test_a_run_completes_whose_exported_file_answers_otherwise(fledge: "Fledge", give: "Give") -> None:
    give("crooked", CROOKED)
    done = fledge(*RUN, "--with", "crooked", "--json")
    assert done.last["state"] == "COMPLETED"
    assert "model.crooked does not answer as the model does" in done.err


@pytest.mark.parametrize("form", ["safetensors", "JSON"])
def test_an_exporter_whose_files_would_be_in_the_models_way_is_refused(
    house: "Fledge", give: "Give", form: str
) -> None:
    give("crooked", CROOKED.replace('"crooked", "crooked:', f'"{form}", "crooked:'))
    plain, _ = runs(house)
    before = outputs(house, plain).joinpath("best.safetensors").read_bytes()
    assert f"the exporter '{form}' would write model.{form}" in house("export", plain, "--format", form, status=1).err
    done = house(*RUN, "--with", form, "--json", status=1)
    assert done.last["state"] == "FAILED"
    assert done.last["outputs"] == []
    assert f"the exporter '{form}' would write model.{form}" in done.err
    assert outputs(house, plain).joinpath("best.safetensors").read_bytes() == before


def test_an_exporter_whose_files_nobody_could_open_is_refused(house: "Fledge", give: "Give") -> None:
    give("crooked", CROOKED.replace('"crooked", "crooked:', '"tar.gz", "crooked:'))
    told = house("export", runs(house)[0], "--format", "tar.gz", status=1).err
    assert "nobody could tell by that file's ending who opens it" in told


@pytest.mark.parametrize("room", ["nothing", "the model"])
def test_a_full_disk_leaves_no_half_of_an_exported_file(house: "Fledge", tmp_path: Path, room: str) -> None:
    _, run = runs(house)
    pages = 0 if room == "nothing" else -(-(outputs(house, run) / "model.onnx").stat().st_size // 4096)
    with small_disk(tmp_path / "small", "1m") as folder:
        filler = folder / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        os.truncate(filler, filler.stat().st_size - pages * 4096)
        told = house("export", run, "-o", folder / "m.onnx", status=1).err
        assert "m.onnx cannot be written: No space left on device" in told
        assert "make room there, or name another place" in told
        assert list(folder.iterdir()) == [filler]
        told = house("models", "register", run, "--name", "dots", FLEDGE_HOME=str(house.home)).out
        assert told.strip() == "dots/1"
