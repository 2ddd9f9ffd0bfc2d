"""Images are decoded once: kept on the disk, the same to the bit, and not kept where there is no room."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from fledge import DataError
from fledge.data.decoding import decode
from fledge.data.image_file import ImageFile
from fledge.runs.reporter import Reporter
from fledge.training.images import Images
from PIL import Image

from tests.long_run import journal
from tests.small_disk import small_disk

if TYPE_CHECKING:
    from tests.conftest import Fledge

EDGE = 64
SETTINGS = ("training.epochs=2", "training.batch_size=8", "training.device=cpu", "dataset.train=40")


def words(*settings: str) -> list[str]:
    told = [word for setting in (*SETTINGS, *settings) for word in ("--set", setting)]
    return ["run", "--dataset", "dots", "--model", "tiny", *told]


def decoded(fledge: "Fledge", run: str) -> int:
    """How many images a run decoded for its cache."""
    told = [one for one in journal(fledge, run) if one["event"] == "progress" and "decoding" in one["what"]]
    return sum(one["total"] for one in told if one["done"] == one["total"])


@pytest.fixture
def own_cache(fledge: "Fledge") -> Path:
    fledge.environment["XDG_CACHE_HOME"] = str(fledge.folder / "cache")
    return fledge.folder / "cache" / "fledge" / "decoded"


@pytest.fixture
def photographs(tmp_path: Path) -> list[ImageFile]:
    """Of many sizes: larger than the edge both ways, one way, and neither."""
    sizes = [(640, 480), (300, 1000), (64, 64), (40, 30), (63, 200), (1, 1), (4000, 100)]
    found = []
    for number, (width, height) in enumerate(sizes):
        noise = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{number}.jpg")
        found.append(ImageFile(str(tmp_path), f"{number}.jpg", number % 2, f"fingerprint {number}"))
    return found


def test_what_is_kept_is_what_is_decoded(photographs: list[ImageFile], tmp_path: Path) -> None:
    kept = Images.kept(photographs, "train", EDGE, tmp_path, Reporter(tmp_path))
    assert next((tmp_path / "decoded").glob("*/arrays")).stat().st_size == sum(
        decode(sample, EDGE).nbytes for sample in photographs
    )
    for index, sample in enumerate(photographs):
        seen = kept[index]
        assert torch.equal(seen, torch.from_numpy(decode(sample, EDGE)).permute(2, 0, 1))
        assert min(seen.shape[1:]) <= EDGE
        # And whoever writes into one leaves the next reader's alone.
        seen.zero_()
        assert kept[index].any()


def test_a_photograph_that_has_gone_is_named(photographs: list[ImageFile], tmp_path: Path) -> None:
    photographs[3].path.unlink()
    with pytest.raises(DataError, match=r"3\.jpg cannot be decoded any more"):
        Images.kept(photographs, "train", EDGE, tmp_path, Reporter(tmp_path))
    Image.new("RGB", (40, 30)).save(photographs[3].path)
    kept = Images.kept(photographs, "train", EDGE, tmp_path, Reporter(tmp_path))
    photographs[4].path.unlink()
    assert kept[4].shape == (3, 200, 63)


def test_images_are_decoded_once_and_again_for_whatever_else(fledge: "Fledge", own_cache: Path) -> None:
    first = fledge(*words(), "--json").last
    assert decoded(fledge, first["run"]) == 96
    assert len(list(own_cache.glob("*/arrays"))) == 2
    for setting in ("seed=1", "training.lr=0.02", "model.dropout=0.1"):
        assert decoded(fledge, fledge(*words(setting), "--json").last["run"]) == 0, setting
    for setting in ("dataset.noise=0.2", "model.size=20"):
        assert decoded(fledge, fledge(*words(setting), "--json").last["run"]) == 96, setting
    assert fledge(*words("training.workers=2"), "--json").last["weights_sha256"] == first["weights_sha256"]


def test_damaged_pixels_are_not_trained_on(fledge: "Fledge", own_cache: Path) -> None:
    first = fledge(*words(), "--json").last
    for file in own_cache.glob("*/arrays"):
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    for count in (0, 96):
        again = fledge(*words(), "--json").last
        assert again["weights_sha256"] == first["weights_sha256"]
        # What was found damaged is made anew by the next.
        assert decoded(fledge, again["run"]) == count


def test_a_head_and_then_all_layers_decode_once(fledge: "Fledge", own_cache: Path) -> None:
    both = words("training.mode=head+finetune", "training.finetune_epochs=1")
    assert decoded(fledge, fledge(*both, "--json").last["run"]) == 96
    # A head alone sees every image once, and keeps its features instead.
    fledge.environment["XDG_CACHE_HOME"] = str(fledge.folder / "another")
    assert decoded(fledge, fledge(*words("training.mode=head"), "--json").last["run"]) == 0


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "small", "20m") as folder:
        yield folder


def test_where_there_is_no_room_images_are_decoded_in_every_epoch(fledge: "Fledge", full_disk: Path) -> None:
    first = fledge(*words(), "--json").last
    done = fledge(*words(), "--json", XDG_CACHE_HOME=str(full_disk))
    assert "images are decoded anew in every epoch: to keep 80 of them takes about 0.0 GB" in done.err
    assert done.last["weights_sha256"] == first["weights_sha256"]
    assert decoded(fledge, done.last["run"]) == 0


def test_a_cache_in_the_way_costs_speed_alone(fledge: "Fledge", own_cache: Path) -> None:
    first = fledge(*words(), "--json", XDG_CACHE_HOME=str(fledge.folder / "another")).last
    own_cache.parent.mkdir(parents=True)
    own_cache.write_text("in the way")
    done = fledge(*words(), "--json")
    assert "images are decoded anew in every epoch" in done.err
    assert done.last["weights_sha256"] == first["weights_sha256"]
