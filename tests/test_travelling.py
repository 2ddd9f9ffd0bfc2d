"""What a run reads here travels with it where its backend sees no files of this machine: backends/azureml runs it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fledge.errors import DataError
from fledge.plan.travelling import as_travelled, taken_along

if TYPE_CHECKING:
    from tests.conftest import Fledge, Give

# A backend that sends nothing anywhere: what it would be sent is in the plan.
FAR = """
    from fledge import ComputeBackend, Offer, Options, hookimpl

    @hookimpl
    def fledge_backends(): return [Offer("far", "far:Far")]

    class Far(ComputeBackend):
        shares_files = False
        def _plan(self, job):
            return {"files": dict(job.files), "data": {one.target: one.size for one in job.snapshot.data}}
        def _submit(self, request, key, after): raise NotImplementedError
        def _status(self, ref): raise NotImplementedError
        def _read_log(self, ref, cursor): raise NotImplementedError
        def _cancel(self, ref): raise NotImplementedError
        def _fetch(self, ref, pattern, dest, progress): raise NotImplementedError
"""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "train" / "hen").mkdir(parents=True)
    (folder / "train" / "hen" / "1.jpg").write_bytes(b"one")
    (folder / "train" / ".git").mkdir()
    (folder / "train" / ".git" / "config").touch()
    (folder / "train" / "Thumbs.db").touch()
    return folder


def test_a_folder_travels_without_hidden_files(photos: Path) -> None:
    (found,) = taken_along({"dataset.root": photos})
    assert found.target == ".fledge-data/dataset.root/photos/train/hen/1.jpg"
    assert (found.source.read_bytes(), found.size) == (b"one", 3)


def test_links_are_followed_and_not_in_circles(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "2.jpg").write_bytes(b"two")
    (photos / "train" / "cock").symlink_to(tmp_path / "elsewhere")
    (photos / "train" / "hen" / "up").symlink_to(photos)
    found = {
        file.target.removeprefix(".fledge-data/dataset.root/photos/") for file in taken_along({"dataset.root": photos})
    }
    assert found == {"train/hen/1.jpg", "train/cock/2.jpg"}


def test_the_job_reads_what_came_along_and_the_rest_as_ever(photos: Path) -> None:
    weights = photos.parent / "w.safetensors"
    weights.write_bytes(b"w")
    files = taken_along({"dataset.root": photos, "model.weights": weights})
    spec = {"seed": 1, "dataset": {"name": "x", "root": str(photos)}, "model": {"name": "y", "weights": str(weights)}}
    told = as_travelled(spec, [*(file.target for file in files), "fledge_mine/__init__.py"])
    assert told == {
        "seed": 1,
        "dataset": {"name": "x", "root": ".fledge-data/dataset.root/photos"},
        "model": {"name": "y", "weights": ".fledge-data/model.weights/w.safetensors"},
    }
    assert spec["dataset"] == {"name": "x", "root": str(photos)}
    assert as_travelled(spec, []) == spec


def test_what_cannot_be_looked_into_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"dataset\.root: there is no .*gone"):
        taken_along({"dataset.root": tmp_path / "gone"})
    (tmp_path / "photos").mkdir()
    with pytest.raises(DataError, match=r"dataset\.root: there are no files in .*photos"):
        taken_along({"dataset.root": tmp_path / "photos"})
    (tmp_path / "photos" / "broken.jpg").symlink_to(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"broken\.jpg"):
        taken_along({"dataset.root": tmp_path / "photos"})


def test_it_travels_to_a_backend_that_sees_no_files_and_to_no_other(
    fledge: "Fledge", give: "Give", photos: Path
) -> None:
    def data(plan: dict[str, Any]) -> list[str]:
        return [name for name in plan["job"]["snapshot"]["files"] if name.startswith(".fledge-data")]

    give("far", FAR)
    words = (
        "run",
        "--dataset",
        "imagefolder",
        "--set",
        f"dataset.root={photos}",
        "--model",
        "tiny",
        "--dry-run",
        "--json",
    )
    there = fledge(*words, "--backend", "far").last
    assert data(there) == [".fledge-data/dataset.root/photos/train/hen/1.jpg"]
    assert 'root = ".fledge-data/dataset.root/photos"' in there["request"]["files"][".fledge-spec.toml"]
    assert there["spec"]["dataset"]["root"] == str(photos)
    assert data(fledge(*words).last) == []
    for number in range(2, 130):
        (photos / "train" / "hen" / f"{number}.jpg").touch()
    shown = fledge(*words[:-1], "--backend", "far").out
    assert f'root = "{photos}"' in shown
    assert "  and 29 more, which --json shows" in shown.splitlines()
    gone = fledge(*words, "--backend", "far", "--set", "dataset.root=gone", status=None)
    assert gone.status in (1, 2)
    assert "sees no files of this machine" in gone.err
