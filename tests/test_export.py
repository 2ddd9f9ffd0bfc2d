"""Exported models: one file, and the proof that it answers as the trained network does."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest

if TYPE_CHECKING:
    from tests.conftest import Fledge, Give

RUN = ("run", "--dataset", "dots", "--model", "tiny", "--set", "training.epochs=2", "--set", "training.mode=head")
# An exporter that has the network see everything a little too bright.
CROOKED = """
import copy
from fledge import Offer, hookimpl
from fledge_onnx.exporter import Onnx

class Crooked(Onnx):
    def write(self, network, *more):
        network = copy.deepcopy(network)
        network.shift += 0.2
        super().write(network, *more)

@hookimpl
def fledge_extensions():
    return [Offer("crooked", "crooked:Crooked", "fledge_onnx.options:OnnxOptions")]
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, fledge_in: "Callable[[Path], Fledge]") -> "Fledge":
    """A folder with a run that exported its model, and an older one that did not."""
    fledge = fledge_in(tmp_path_factory.mktemp("export") / "work")
    fledge(*RUN)
    fledge(*RUN, "--with", "onnx")
    return fledge


@pytest.fixture
def house(template: "Fledge", fledge: "Fledge") -> "Fledge":
    """A copy of them, which a test may damage."""
    shutil.copytree(template.home, fledge.home)
    for state in fledge.home.glob("runs/*/state.json"):
        # The backend keeps the place of a run by its whole path.
        state.write_text(state.read_text().replace(str(template.home), str(fledge.home)))
    return fledge


def runs(fledge: "Fledge") -> tuple[str, str]:
    """(the run without an exported file, the run with one)."""
    plain, exported = sorted(path.name for path in (fledge.home / "runs").iterdir())
    return plain, exported


def outputs(fledge: "Fledge", run: str) -> Path:
    return fledge.home / "runs" / run / "outputs"


def certificate(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(path.with_name(path.name + ".parity.json").read_text())
    return told


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
    assert "is a folder" in house("export", plain, "-o", ".", status=1).err
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


def test_promotion_needs_a_certificate(house: "Fledge") -> None:
    plain, exported = runs(house)
    house("models", "register", plain, "--name", "dots")
    told = house("models", "promote", "dots", "1", "--alias", "production", status=1).err
    assert "dots/1 has no parity certificate" in told
    assert f"fledge export {plain}" in told
    assert "there is no version named 'dots@production'" in house("models", "show", "dots@production", status=2).err
    # Of a variable that is not set, say: not the newest version, which nobody promoted.
    assert "there is no version named 'dots@'" in house("models", "show", "dots@", status=2).err

    house("export", plain)
    assert house("models", "register", plain, "--name", "dots").out.strip() == "dots/2"
    house("models", "promote", "dots", "2", "--alias", "production")
    shown = house("models", "show", "dots@production", "--json").last
    assert (shown["version"], shown["aliases"]) == (2, ["production"])
    assert shown["card"]["exports"]["model.onnx"]["top1_agreement"] == 1
    assert set(shown["files"]) == {"model.json", "model.onnx", "model.onnx.parity.json", "model.safetensors"}

    house("models", "register", exported, "--name", "dots")
    house("models", "promote", "dots/3", "--alias", "production")
    assert [line["aliases"] for line in house("models", "list", "--json").lines] == [[], [], ["production"]]
    assert "cannot be an alias" in house("models", "promote", "dots/3", "--alias", "a b", status=2).err


def test_a_file_that_answers_otherwise_is_refused(house: "Fledge", give: "Give") -> None:
    give("crooked", CROOKED)
    plain, _ = runs(house)
    done = house("export", plain, "--format", "crooked", status=1)
    assert "is not to be relied on: its logits differ by up to" in done.err
    assert certificate(outputs(house, plain) / "model.crooked")["faults"]
    house("models", "register", plain, "--name", "dots")
    told = house("models", "promote", "dots", "--alias", "production", status=1).err
    assert "its model.crooked does not answer as the model does: its logits differ by up to" in told
    assert "worst: val/" in told
    assert house("models", "show", "dots", "--json").last["aliases"] == []


def test_a_run_completes_whose_exported_file_answers_otherwise(fledge: "Fledge", give: "Give") -> None:
    give("crooked", CROOKED)
    done = fledge(*RUN, "--with", "crooked", "--json")
    assert done.last["state"] == "COMPLETED"
    assert "model.crooked does not answer as the model does" in done.err


def test_a_file_that_was_changed_since_is_not_registered(house: "Fledge") -> None:
    _, run = runs(house)
    with (outputs(house, run) / "model.onnx").open("ab") as file:
        file.write(b"\0")
    house("models", "register", run, "--name", "dots")
    assert house("models", "show", "dots", "--json").last["card"]["exports"] == {}


def test_a_card_that_was_changed_is_refused(house: "Fledge") -> None:
    _, run = runs(house)
    house("models", "register", run, "--name", "dots")
    card = house.home / "models" / "dots" / "1" / "model.json"
    content = card.read_text().replace('"top1_agreement": 1.0', '"top1_agreement": 0.9')
    card.unlink()
    card.write_text(content)
    assert "is not the file that was registered" in house("models", "show", "dots", status=1).err
