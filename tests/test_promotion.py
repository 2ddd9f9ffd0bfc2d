"""Exported files in the registry: what goes along with a model, and what may be relied on."""

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.exported import CROOKED, certificate, copied, outputs, picture, runs, two_runs
from tests.small_disk import small_disk

if TYPE_CHECKING:
    from tests.conftest import Fledge, Give

# Another file of the same weights takes the place of one while it is copied, as a second export's would.
REPLACING = """
import os, shutil, sys
from fledge import hookimpl

def look(event, told):
    # Not when it is fetched, but when it is taken along from where it was fetched to.
    if event != "shutil.copyfile" or os.path.basename(os.path.dirname(told[1])) == "outputs":
        return
    place, name = os.path.split(told[0])
    if name == os.environ.get("COPIED") and place != os.environ["OTHER"]:
        for one in os.environ["REPLACED"].split():
            os.system(f"cp {os.environ['OTHER']}/{one} {place}/{one}")

sys.addaudithook(look)

@hookimpl
def fledge_extensions():
    return []
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, fledge_in: "Callable[[Path], Fledge]") -> "Fledge":
    return two_runs(fledge_in(tmp_path_factory.mktemp("promotion") / "work"))


@pytest.fixture
def house(template: "Fledge", fledge: "Fledge") -> "Fledge":
    return copied(template, fledge)


def test_promotion_needs_a_certificate(house: "Fledge") -> None:
    plain, exported = runs(house)
    house("models", "register", plain, "--name", "dots")
    told = house("models", "promote", "dots", "1", "--alias", "production", status=1).err
    assert "dots/1 has no parity certificate" in told
    assert "fledge export dots/1, and then: fledge models register dots-1.onnx --name dots" in told
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
    for words in (
        ("models", "promote", "dots", "--alias", "production"),
        ("predict", "dots", "."),
        ("predict", plain, "."),
    ):
        told = house(*words, status=1).err
        assert "model.crooked does not answer as the model does: its logits differ by up to" in told
        assert "worst: val/" in told
        assert "fledge export" in told
    assert house("models", "show", "dots", "--json").last["aliases"] == []


def test_a_file_that_answers_otherwise_is_in_no_others_way(house: "Fledge", give: "Give") -> None:
    give("crooked", CROOKED)
    _, run = runs(house)
    house("export", run, "--format", "crooked", status=1)
    house("models", "register", run, "--name", "dots")
    assert set(house("models", "show", "dots", "--json").last["card"]["exports"]) == {"model.crooked", "model.onnx"}
    told = house("models", "promote", "dots", "--alias", "production").err
    assert "warning: its model.crooked does not answer as the model does" in told
    picture(house.folder / "p.png")
    for word in ("dots@production", run):
        assert house("predict", word, "p.png", "--json").last["label"] in ("red", "blue")


def test_a_file_that_was_changed_since_is_not_registered(house: "Fledge") -> None:
    _, run = runs(house)
    with (outputs(house, run) / "model.onnx").open("ab") as file:
        file.write(b"\0")
    told = house("models", "register", run, "--name", "dots").err
    assert "warning: model.onnx is not kept with the model: its certificate is one of other bytes" in told
    assert house("models", "show", "dots", "--json").last["card"]["exports"] == {}
    # And a proof that nobody can read keeps no model out.
    (outputs(house, run) / "model.onnx.parity.json").write_text("{")
    assert "model.onnx is not kept with the model" in house("models", "register", run, "--name", "other").err


@pytest.mark.parametrize(
    ("taken", "replaced", "kept"),
    [
        ("model.onnx", "model.onnx", set()),
        ("model.onnx.parity.json", "model.onnx model.onnx.parity.json", set()),
        ("model.onnx", "model.onnx model.onnx.parity.json", {"model.onnx", "model.onnx.parity.json"}),
    ],
)
def test_what_is_replaced_while_it_is_registered_is_kept_with_its_own_proof_or_not_at_all(
    house: "Fledge", give: "Give", taken: str, replaced: str, kept: set[str]
) -> None:
    plain, run = runs(house)
    house("export", plain, "--opset", "20")
    other = outputs(house, plain)
    (other / "model.onnx.parity.json").write_text((other / "model.onnx.parity.json").read_text().replace(plain, run))
    give("replacing", REPLACING)
    told = house("models", "register", run, "--name", "dots", COPIED=taken, REPLACED=replaced, OTHER=str(other))
    shown = house("models", "show", "dots", "--json").last
    assert set(shown["files"]) == {"model.json", "model.safetensors"} | kept
    assert ("model.onnx is not kept with the model" in told.err) == (not kept)
    assert set(shown["card"]["exports"]) == kept - {"model.onnx.parity.json"}
    house("models", "promote", "dots", "--alias", "production", status=0 if kept else 1)


def test_promotion_looks_at_the_file_itself(house: "Fledge") -> None:
    _, run = runs(house)
    house("models", "register", run, "--name", "dots")
    kept = house.home / "models" / "dots" / "1"
    proved = certificate(kept / "model.onnx")["file_sha256"]
    content = (kept / "model.onnx").read_bytes() + b"\0"
    found = hashlib.sha256(content).hexdigest()
    (kept / "model.onnx").unlink()
    (kept / "model.onnx").write_bytes(content)

    def refused() -> str:
        told = house("models", "promote", "dots", "1", "--alias", "production", status=1).err
        assert house("models", "show", "dots", "--json").last["aliases"] == []
        assert proved[:12] in told
        assert found[:12] in told
        return told

    assert "register the run again for a new version" in refused()
    # By somebody who has the record say so, too.
    (kept / "version.json").write_text((kept / "version.json").read_text().replace(proved, found))
    assert "the certificate of model.onnx is one of other bytes" in refused()


def test_a_registered_model_comes_to_an_exported_file_without_its_run(house: "Fledge") -> None:
    plain, _ = runs(house)
    house("models", "register", plain, "--name", "dots", "--tag", "stage=test")
    shutil.rmtree(house.home / "runs")
    first = house.home / "models" / "dots" / "1"
    before = {path.name: path.read_bytes() for path in first.iterdir()}
    house("export", "dots/1")
    assert house("models", "register", "dots-1.onnx", "--name", "dots", "--tag", "by=me").out.strip() == "dots/2"
    assert house("models", "register", "dots-1.onnx", "--name", "dots", "--tag", "by=me").out.strip() == "dots/2"
    assert {path.name: path.read_bytes() for path in first.iterdir()} == before
    house("export", "dots/2", "--precision", "int8")
    house("models", "register", "dots-2-int8.onnx", "--name", "dots")
    shown = house("models", "show", "dots/3", "--json").last
    assert set(shown["card"]["exports"]) == {"model.onnx", "model-int8.onnx"}
    assert (shown["run"], shown["tags"]) == (plain, {"stage": "test", "by": "me"})
    assert shown["weights_sha256"] == house("models", "show", "dots/1", "--json").last["weights_sha256"]
    house("models", "promote", "dots/3", "--alias", "production")
    picture(house.folder / "p.png")
    assert house("predict", "dots@production", "p.png", "--json").last["label"] in ("red", "blue")


def test_only_what_is_proved_to_be_a_versions_is_added_to_it(house: "Fledge", give: "Give") -> None:
    give("crooked", CROOKED)
    plain, _ = runs(house)
    house("models", "register", plain, "--name", "dots")
    house("export", "dots")
    house("export", "dots", "--format", "crooked", status=1)

    def refused(file: str, name: str = "dots") -> str:
        return house("models", "register", file, "--name", name, status=1).err

    assert "no version of other has the weights that dots-1.onnx is of" in refused("dots-1.onnx", "other")
    assert "dots-1.crooked does not answer as the model does: its logits differ" in refused("dots-1.crooked")
    with (house.folder / "dots-1.onnx").open("ab") as file:
        file.write(b"\0")
    assert "the certificate beside dots-1.onnx is one of other bytes" in refused("dots-1.onnx")
    (house.folder / "dots-1.onnx.parity.json").unlink()
    assert "dots-1.onnx.parity.json is absent" in refused("dots-1.onnx")
    assert [line["version"] for line in house("models", "list", "--json").lines] == [1]


def test_a_full_disk_leaves_no_half_of_a_version(house: "Fledge", tmp_path: Path) -> None:
    _, run = runs(house)
    with small_disk(tmp_path / "small", "2m") as folder:
        (folder / "models").mkdir()
        (house.home / "models").symlink_to(folder / "models")
        filler = folder / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        for pages in range(1, 20, 3):
            os.truncate(filler, filler.stat().st_size - 3 * 4096)
            done = house("models", "register", run, "--name", "dots", status=None)
            listed = house("models", "list", "--json").lines
            assert [line["damaged"] for line in listed] == [None] * (done.status == 0), pages
            if done.status == 0:
                break
            assert "No space left on device" in done.err
        else:
            pytest.fail("there was never room for it")


def test_promoted_by_two_at_once_it_means_one_of_theirs(house: "Fledge") -> None:
    plain, run = runs(house)
    house("export", plain)
    for one in (plain, run):
        house("models", "register", one, "--name", "dots")
    started = [house.start("models", "promote", f"dots/{1 + at % 2}", "--alias", "production") for at in range(4)]
    told = [(*process.communicate(), process.returncode) for process in started]
    assert [one[2] for one in told] == [0] * 4, told
    assert house("models", "show", "dots@production", "--json").last["version"] in (1, 2)
    assert sum(bool(line["aliases"]) for line in house("models", "list", "--json").lines) == 1


def test_a_card_that_was_changed_is_refused(house: "Fledge") -> None:
    _, run = runs(house)
    house("models", "register", run, "--name", "dots")
    card = house.home / "models" / "dots" / "1" / "model.json"
    content = card.read_text().replace('"top1_agreement": 1.0', '"top1_agreement": 0.9')
    card.unlink()
    card.write_text(content)
    assert "is not the file that was registered" in house("models", "show", "dots", status=1).err
