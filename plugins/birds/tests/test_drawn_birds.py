"""`drawn-birds` by its promises: the same everywhere, whole or absent, and as hard as it says."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fledge import DataError
from fledge_birds.drawn_birds import DrawnBirds
from fledge_birds.drawn_options import DrawnBirdsOptions
from PIL import Image
from pydantic import ValidationError

PREPARE = """
import os, signal, sys
from pathlib import Path
from fledge import DataError
from fledge_birds.drawn_birds import DrawnBirds
from fledge_birds.drawn_options import DrawnBirdsOptions

def told(what, done, total, unit="files"):
    print(what, done, total, flush=True)
    if "KILLED" in os.environ and 0 < done < total:
        os.kill(os.getpid(), signal.SIGKILL)

if len(sys.argv) > 4:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]),) * 2)
options = DrawnBirdsOptions(train_per_class=int(sys.argv[2]), val_per_class=int(sys.argv[3]))
try:
    DrawnBirds(options).prepare(Path(sys.argv[1]), told, warn=print)
except DataError as error:
    sys.exit(f"DataError: {error}")
"""


def start(cache: Path, *words: object, **env: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", PREPARE, str(cache), *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **env},
    )


def prepared(cache: Path, train: int = 2, val: int = 1, seed: int = 0) -> DrawnBirds:
    dataset = DrawnBirds(DrawnBirdsOptions(train_per_class=train, val_per_class=val, seed=seed))
    dataset.prepare(cache, warn=lambda line: pytest.fail(f"warned: {line}"))
    return dataset


def pictures(cache: Path) -> dict[str, bytes]:
    """Of the only set in the cache, by path below the set."""
    (root,) = cache.glob("drawn-birds-*-train*[0-9]")
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*.jpg"))}


def test_there_are_as_many_of_each_species_as_asked_for(tmp_path: Path) -> None:
    dataset = prepared(tmp_path, train=3, val=2)
    assert dataset.classes == ("chicken", "turkey")
    assert [sample.label for sample in dataset.split("train")] == [0, 0, 0, 1, 1, 1]
    assert [sample.label for sample in dataset.split("val")] == [0, 0, 1, 1]
    assert len(set(pictures(tmp_path).values())) == 10


def test_pictures_differ_in_size_and_are_plain_jpegs(tmp_path: Path) -> None:
    dataset = prepared(tmp_path, train=8)
    images = [sample.load() for sample in dataset.split("train")]
    assert len({image.size for image in images}) > 12
    assert all(200 <= max(image.size) <= 640 for image in images)
    for path in tmp_path.rglob("*.jpg"):
        with Image.open(path) as image:
            assert (image.format, image.mode) == ("JPEG", "RGB")


def test_one_seed_gives_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    prepared(tmp_path / "here", train=3, val=2)
    # Another hash seed, so that an order that hangs on Python's hash() would show.
    other = start(tmp_path / "there", 3, 2, PYTHONHASHSEED="7")
    assert other.communicate()[1] == ""
    assert pictures(tmp_path / "here") == pictures(tmp_path / "there")


def test_another_seed_gives_other_pictures(tmp_path: Path) -> None:
    prepared(tmp_path / "0", seed=0)
    prepared(tmp_path / "1", seed=1)
    assert not set(pictures(tmp_path / "0").values()) & set(pictures(tmp_path / "1").values())


def test_asking_for_more_leaves_the_first_ones_the_same(tmp_path: Path) -> None:
    prepared(tmp_path / "few", train=2, val=1)
    prepared(tmp_path / "more", train=4, val=3)
    few, more = pictures(tmp_path / "few"), pictures(tmp_path / "more")
    assert len(more) == 14
    assert few.items() <= more.items()


def test_sets_of_different_options_live_side_by_side(tmp_path: Path) -> None:
    first = prepared(tmp_path, train=2)
    prepared(tmp_path, train=3)
    prepared(tmp_path, train=2, seed=5)
    assert len(first.split("train")) == 4
    assert len([path for path in tmp_path.iterdir() if path.is_dir() and path.name.startswith("drawn-birds-")]) == 3


def test_preparing_again_touches_no_picture(tmp_path: Path) -> None:
    prepared(tmp_path)
    before = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in tmp_path.rglob("*.jpg")}
    prepared(tmp_path)
    assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in tmp_path.rglob("*.jpg")} == before


def test_a_lost_picture_is_drawn_again(tmp_path: Path) -> None:
    prepared(tmp_path)
    whole = pictures(tmp_path)
    next(tmp_path.rglob("chicken_00001.jpg")).unlink()
    next(tmp_path.rglob("turkey_00000.jpg")).write_bytes(b"")
    prepared(tmp_path)
    assert pictures(tmp_path) == whole


def test_progress_counts_every_picture_once(tmp_path: Path) -> None:
    output, errors = start(tmp_path, 20, 5).communicate()
    assert errors == ""
    counts = [int(line.split()[-2]) for line in output.splitlines() if line.startswith("drawing birds")]
    assert counts == sorted(set(counts))
    assert (counts[0], counts[-1]) == (0, 50)


def test_after_a_kill_in_the_middle_the_set_is_whole(tmp_path: Path) -> None:
    victim = start(tmp_path, 24, 2, KILLED="1")
    victim.communicate()
    assert victim.returncode == -signal.SIGKILL, "it was not killed in the middle"
    assert list(tmp_path.glob("*.partial-*"))
    assert not list(tmp_path.glob("drawn-birds-*-train24-val2"))

    prepared(tmp_path, train=24, val=2)
    assert not list(tmp_path.glob("*.partial-*"))
    prepared(tmp_path / "undisturbed", train=24, val=2)
    assert pictures(tmp_path) == pictures(tmp_path / "undisturbed")


def test_two_processes_may_draw_one_set_at_once(tmp_path: Path) -> None:
    pair = [start(tmp_path, 6, 4) for _ in range(2)]
    outputs = [process.communicate() for process in pair]
    assert [process.returncode for process in pair] == [0, 0], outputs
    assert sum("drawing birds" in output for output, _ in outputs) == 1
    assert len(pictures(tmp_path)) == 20
    assert not list(tmp_path.glob("*.partial-*"))


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files in a way that Windows lacks")
def test_a_disk_that_takes_no_more_is_an_error_that_leaves_nothing(tmp_path: Path) -> None:
    process = start(tmp_path, 4, 4, 4000)
    _, errors = process.communicate()
    assert process.returncode == 1
    assert errors.startswith("DataError: only ")
    assert "File too large" in errors
    assert "Traceback" not in errors
    assert [path for path in tmp_path.rglob("*") if not path.name.endswith(".lock")] == []


def test_a_cache_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path) -> None:
    prepared(tmp_path)
    (lock,) = tmp_path.glob("*.lock")
    lock.unlink()
    lock.mkdir()
    with pytest.raises(DataError, match="cannot be kept in .*" + tmp_path.name):
        prepared(tmp_path)


@pytest.mark.parametrize("wrong", [{"train_per_class": 0}, {"val_per_class": -1}, {"seed": -1}, {"sed": 1}])
def test_options_out_of_bounds_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        DrawnBirdsOptions.model_validate(wrong)
