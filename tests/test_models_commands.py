"""`fledge models`: trained models by name and version, in the local registry."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

if TYPE_CHECKING:
    from tests.conftest import Fledge


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, fledge_in: "Callable[[Path], Fledge]") -> "Fledge":
    """A folder with a completed training run, and a failed one which is newer."""
    fledge = fledge_in(tmp_path_factory.mktemp("models") / "work")
    words = ("run", "--dataset", "dots", "--model", "tiny", "--set", "training.epochs=1", "--json")
    fledge(*words)
    (fledge.folder / "s.py").write_text("raise SystemExit(1)")
    fledge("run", "--script", "s.py", status=1)
    return fledge


@pytest.fixture
def house(template: "Fledge", fledge: "Fledge") -> "Fledge":
    """A copy of its runs, and no model yet."""
    shutil.copytree(template.home, fledge.home)
    return fledge


def trained(fledge: "Fledge") -> str:
    """The older of the two runs."""
    return min(path.name for path in (fledge.home / "runs").iterdir())


def register(fledge: "Fledge", run: str, name: str = "birds", *words: str) -> str:
    return fledge("models", "register", run, "--name", name, *words).out.strip()


def again(fledge: "Fledge", run: str, number: int) -> str:
    """The run once more, as another one: training ten times would show no more."""
    copy = f"{run}-{number}"
    shutil.copytree(fledge.home / "runs" / run, fledge.home / "runs" / copy)
    return copy


def test_from_a_run_to_a_downloaded_model(house: "Fledge", tmp_path: Path) -> None:
    run = trained(house)
    assert register(house, run[:-1], "birds", "--tag", "stage=test", "--tag", "by=me=too") == "birds/1"
    (line,) = house("models", "list", "--json").lines
    assert (line["name"], line["version"], line["run"], line["classes"]) == ("birds", 1, run, ["red", "blue"])
    assert line["tags"] == {"stage": "test", "by": "me=too"}
    assert "birds  1" in house("models", "list").out

    told = house("models", "show", "birds", "--json").last
    assert told["card"]["transforms"]["resize"] == [16, 16]
    code = json.loads((house.home / "runs" / run / "plan.json").read_text())["job"]["snapshot"]
    assert told["card"]["code"]["sha256"] == code["sha256"]
    house("models", "download", "birds/1", "-o", tmp_path)
    for name, digest in told["files"].items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest
    assert set(told["files"]) == {"model.safetensors", "model.json"}
    best = house.home / "runs" / run / "outputs" / "best.safetensors"
    assert (tmp_path / "model.safetensors").read_bytes() == best.read_bytes()
    assert json.loads((tmp_path / "model.json").read_text())["file_sha256"] == told["files"]["model.safetensors"]


def test_a_model_tells_its_code_when_its_run_is_gone(fledge: "Fledge") -> None:
    (fledge.folder / "mine.py").touch()
    for told in (["init"], ["add", "mine.py"], ["-c", "user.name=me", "-c", "user.email=me@x", "commit", "-m", "1"]):
        subprocess.run(["git", "-C", fledge.folder, *told], check=True, capture_output=True)
    for place in ("train/red", "train/blue", "val/red", "val/blue"):
        (fledge.folder / "photos" / place).mkdir(parents=True)
        for number in range(2):
            picture = Image.new("RGB", (16, 16), (len(place), number, 0))
            picture.save(fledge.folder / "photos" / place / f"{number}.png")
    # A data set that is installed to be worked on, and so travels.
    words = ("--dataset", "imagefolder", "--set", "dataset.root=photos", "--model", "tiny")
    fledge("run", *words, "--set", "training.epochs=1")
    register(fledge, "latest")
    code = fledge.home / "runs" / trained(fledge) / "code"
    files = {path.relative_to(code).as_posix(): path.read_bytes() for path in code.glob("*/*") if path.is_file()}
    fledge("runs", "delete", "latest")
    assert not code.exists()
    card = fledge("models", "show", "birds", "--json").last["card"]
    assert "fledge_imagefolder/__init__.py" in files
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    assert card["code"]["files"] == digests
    lineage = card["lineage"]
    head = subprocess.run(["git", "-C", fledge.folder, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert (lineage["git"]["commit"], lineage["git"]["dirty"]) == (head.stdout.strip(), False)
    assert lineage["overrides"]["training.epochs"] == 1
    assert {"torch", "fledge"} <= lineage["packages"].keys()
    out = fledge("models", "show", "birds").out
    assert head.stdout.strip() in out
    assert '"packages": "' in out
    assert "pydantic" not in out


def test_a_version_that_is_there_keeps_its_tags_and_that_is_said(house: "Fledge") -> None:
    run = trained(house)
    register(house, run, "birds", "--tag", "stage=test")
    done = house("models", "register", run, "--name", "birds", "--tag", "stage=live", "--tag", "by=me", "--json")
    assert (done.last["version"], done.last["tags"]) == (1, {"stage": "test"})
    assert "birds/1 was registered before, and keeps its tags: it has not stage=live, by=me; " in done.err
    assert "fledge models promote birds/1 --alias" in done.err
    assert not house("models", "register", run, "--name", "birds", "--tag", "stage=test").err


def test_versions_count_up_and_stay_as_they_are(house: "Fledge") -> None:
    run = trained(house)
    first = house.home / "models" / "birds" / "1"
    assert register(house, run) == "birds/1"
    before = {path.name: path.read_bytes() for path in first.iterdir()}
    assert register(house, run) == "birds/1"
    assert register(house, again(house, run, 2)) == "birds/2"
    assert register(house, run, "other") == "other/1"
    assert register(house, run) == "birds/1"
    assert {path.name: path.read_bytes() for path in first.iterdir()} == before
    assert first.joinpath("model.safetensors").stat().st_mode & 0o222 == 0
    assert house("models", "show", "birds", "--json").last["version"] == 2
    assert house("models", "show", "birds/1", "--json").last["version"] == 1


def test_registering_at_once_gives_each_its_own_version(house: "Fledge") -> None:
    run = trained(house)
    runs = [again(house, run, number) for number in range(10)]
    started = [house.start("models", "register", one, "--name", "birds", "--json") for one in runs]
    told = [json.loads(process.communicate()[0]) for process in started]
    assert sorted(one["version"] for one in told) == list(range(1, 11))
    assert [one["run"] for one in told] == runs
    assert len(house("models", "list", "--json").lines) == 10


def test_a_folder_that_takes_no_model_is_named(house: "Fledge") -> None:
    register(house, trained(house))
    told = house("models", "download", "birds", "-o", "/proc/nowhere", status=1).err
    assert "birds/1 cannot be copied into /proc/nowhere: No such file or directory" in told
    assert "--output DIR" in told


def test_a_damaged_version_is_refused(house: "Fledge", tmp_path: Path) -> None:
    register(house, trained(house))
    file = house.home / "models" / "birds" / "1" / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.unlink()
    file.write_bytes(data)
    told = house("models", "download", "birds", "-o", tmp_path, status=1).err
    assert "birds version 1" in told
    assert "is not the file that was registered" in told
    assert not list(tmp_path.glob("*.safetensors"))
    file.unlink()
    assert "cannot be read" in house("models", "download", "birds", "-o", tmp_path, status=1).err
    file.with_name("version.json").write_text("{")
    assert "model version birds/1 cannot be read" in house("models", "show", "birds", status=1).err


def test_a_damaged_version_hides_no_other(house: "Fledge", tmp_path: Path) -> None:
    run = trained(house)
    for number in (1, 2, 3):
        register(house, again(house, run, number))
    damaged = house.home / "models" / "birds" / "2" / "model.json"
    damaged.unlink()
    damaged.write_text("{}")
    (house.home / "models" / "birds" / "production.alias").write_text("no number")
    done = house("models", "list", "--json")
    assert [(one["version"], one["damaged"] is not None) for one in done.lines] == [(1, False), (2, True), (3, False)]
    assert "is not the file that was registered" in done.lines[1]["damaged"]
    assert "register the run again for a new version" in done.err
    assert "production.alias cannot be read" in done.err
    assert "birds  2        (damaged)" in house("models", "list").out
    assert house("models", "show", "birds", "--json").last["version"] == 3
    house("models", "download", "birds/1", "-o", tmp_path)
    assert "birds version 2" in house("models", "show", "birds/2", status=1).err
    assert "there is: birds/1, birds/2, birds/3" in house("models", "show", "birds/7", status=2).err
    assert register(house, again(house, run, 4)) == "birds/4"
    # An older one in the newest's stead would be another model's answer.
    (house.home / "models" / "birds" / "4" / "version.json").write_text("{")
    assert "the newest that is whole: birds/3" in house("models", "show", "birds", status=1).err


def test_only_a_completed_runs_model_can_be_registered(house: "Fledge") -> None:
    told = house("models", "register", "latest", "--name", "birds", status=1).err
    assert "is FAILED: only a completed run's model can be registered" in told
    (house.folder / "s.py").write_text("")
    house("run", "--script", "s.py")
    told = house("models", "register", "latest", "--name", "birds", status=1).err
    assert "has no model: it executed a script of yours" in told
    assert house("models", "list", "--json").out == ""


@pytest.mark.parametrize("name", ["../birds", "a/b", "", ".hidden", "a b"])
def test_a_name_that_cannot_be_one(house: "Fledge", name: str) -> None:
    assert "cannot name a model" in house("models", "register", trained(house), "--name", name, status=2).err
    assert not (house.home / "models").exists()


def test_an_unknown_model_or_version(house: "Fledge") -> None:
    assert "none is registered yet" in house("models", "show", "birds", status=2).err
    register(house, trained(house))
    assert "there is no model named 'brids'; did you mean 'birds'?" in house("models", "show", "brids", status=2).err
    assert "there is no version named 'birds/7'" in house("models", "download", "birds/7", status=2).err
    assert "not both" in house("models", "show", "birds/7@production", status=2).err
    assert "taken for a version" in house("models", "promote", "birds", "1", "--alias", "2", status=2).err
    assert "there is no file nosuch.onnx" in house("models", "register", "nosuch.onnx", "--name", "x", status=2).err


def test_a_download_leaves_other_files_alone(house: "Fledge", tmp_path: Path) -> None:
    register(house, trained(house))
    for _ in range(2):
        house("models", "download", "birds", "-o", str(tmp_path / "there"))
    mine = tmp_path / "there" / "model.json"
    mine.chmod(0o644)
    mine.write_text("mine")
    assert "is another file" in house("models", "download", "birds", "-o", str(tmp_path / "there"), status=2).err
    assert mine.read_text() == "mine"
