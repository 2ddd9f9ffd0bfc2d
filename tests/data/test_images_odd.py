"""Images that are whole and unusual, or unusual and broken, by what becomes of their pixels."""

import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from fledge import DataError, FolderDataset, FolderOptions, PluginError, Progress, Sample
from fledge.data.splitting import hold_out
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

RAMP = np.array([[0, 255, 256, 257, 32768, 65535]], dtype=np.uint16)
ON_EIGHT_BITS = [0, 1, 1, 1, 128, 255]


class Folder(FolderDataset):
    def __init__(self, root: Path, **options: object) -> None:
        super().__init__(FolderOptions.model_validate(options))
        self.root = root

    def _root(self, cache: Path, progress: Progress, warn: Callable[[str], None]) -> Path:
        return self.root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number in range(8):
        split = "train" if number % 4 < 2 else "val"
        path = tmp_path / "photos" / split / ("ants" if number < 4 else "bees") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 255, (20, 30, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path)
    return tmp_path / "photos"


def prepared(root: Path, **options: object) -> tuple[Folder, list[str]]:
    told: list[str] = []
    dataset = Folder(root, **options)
    dataset.prepare(root.parent / "cache", warn=told.append)
    return dataset, told


def one(dataset: Folder, name: str) -> Sample:
    return next(sample for sample in dataset.split("train") if sample.name == f"train/ants/{name}")


def broken(root: Path, name: str) -> str:
    """What is said to be wrong with a file of train/ants."""
    with pytest.raises(DataError) as caught:
        prepared(root)
    return next(line.strip() for line in str(caught.value).splitlines() if f"train/ants/{name}" in line)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_scaled_and_not_cut_off(root: Path, suffix: str) -> None:
    Image.fromarray(RAMP).save(root / "train" / "ants" / f"deep.{suffix}")
    dataset, told = prepared(root)
    assert "1 16-bit" in told[0]
    image = one(dataset, f"deep.{suffix}").load()
    assert np.asarray(image)[0, :, 0].tolist() == ON_EIGHT_BITS


def test_big_endian_sixteen_bits(root: Path) -> None:
    header = b"P5 6 1 65535\n"
    (root / "train" / "ants" / "deep.pgm").write_bytes(header + RAMP.astype(">u2").tobytes())
    dataset, _ = prepared(root)
    assert np.asarray(one(dataset, "deep.pgm").load())[0, :, 1].tolist() == ON_EIGHT_BITS


def test_a_dark_sixteen_bit_image_stays_dark(root: Path) -> None:
    Image.fromarray(np.full((4, 4), 200, dtype=np.uint16)).save(root / "train" / "ants" / "dark.png")
    dataset, _ = prepared(root)
    assert one(dataset, "dark.png").load().getpixel((0, 0)) == (1, 1, 1)


def test_floating_point_pixels_say_nothing_of_brightness(root: Path) -> None:
    Image.fromarray(np.ones((4, 4), dtype=np.float32)).save(root / "train" / "ants" / "float.tif")
    assert "how bright white is" in broken(root, "float.tif")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "PA-like", "L-key"])
def test_transparent_pixels_are_seen_on_white(root: Path, mode: str) -> None:
    path = root / "train" / "ants" / "clear.png"
    if mode == "P":
        image = Image.new("P", (2, 1))
        image.putpalette([10, 200, 30, 0, 0, 0])
        image.putpixel((1, 0), 1)
        image.save(path, transparency=0)
    elif mode == "PA-like":
        image = Image.new("P", (2, 1))
        image.putpalette([10, 200, 30, 0, 0, 0])
        image.putpixel((1, 0), 1)
        image.save(path, transparency=bytes([0, 255]))
    elif mode == "L-key":
        image = Image.new("L", (2, 1), 77)
        image.putpixel((1, 0), 0)
        image.save(path, transparency=77)
    else:
        clear: tuple[int, ...] = (10, 200, 30, 0) if mode == "RGBA" else (90, 0)
        image = Image.new(mode, (2, 1), clear)
        image.putpixel((1, 0), (0, 0, 0, 255) if mode == "RGBA" else (0, 255))
        image.save(path)
    dataset, told = prepared(root)
    assert "1 transparent" in told[0]
    loaded = one(dataset, "clear.png").load()
    assert [loaded.getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (0, 0, 0)]


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("kind", ["jpg", "png", "tif", "webp"])
def test_every_way_to_hold_a_camera(root: Path, number: int, kind: str) -> None:
    """The picture as it should be seen has red top left, blue top right, green below."""
    seen = np.zeros((16, 32, 3), dtype=np.uint8)
    seen[:8, :16], seen[:8, 16:], seen[8:] = (200, 0, 0), (0, 0, 200), (0, 200, 0)
    stored = {
        1: seen,
        2: seen[:, ::-1],
        3: seen[::-1, ::-1],
        4: seen[::-1],
        5: seen.transpose(1, 0, 2),
        6: np.rot90(seen),
        7: seen[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(seen, -1),
    }[number]
    exif = Image.Exif()
    exif[0x0112] = number
    Image.fromarray(np.ascontiguousarray(stored)).save(root / "train" / "ants" / f"held.{kind}", exif=exif, quality=100)
    dataset, told = prepared(root)
    # Pillow turns TIFF files by itself.
    assert ("EXIF-rotated" in "".join(told)) == (number > 1 and kind != "tif")
    loaded = np.asarray(one(dataset, f"held.{kind}").load()).astype(int)
    assert loaded.shape == seen.shape
    assert all(np.abs(loaded[y, x] - seen[y, x]).max() < 80 for y, x in ((3, 3), (3, 28), (12, 3), (12, 28)))


def test_an_image_may_be_unusual_in_several_ways(root: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("CMYK", (16, 8)).save(root / "train" / "ants" / "both.jpg", exif=exif)
    _, told = prepared(root)
    assert "1 CMYK" in told[0]
    assert "1 EXIF-rotated" in told[0]


def test_damaged_exif_data_is_no_reason_to_warn_or_to_stop(root: Path) -> None:
    path = root / "train" / "ants" / "exif.jpg"
    exif = b"Exif\0\0II*\0\x08\0\0\0\xff\x7f" + b"\x12\x01\x03\0\x01\0\0\0" + b"\xff" * 40
    Image.new("RGB", (8, 8), "red").save(path, exif=exif)
    dataset, _ = prepared(root)
    assert one(dataset, "exif.jpg").load().size == (8, 8)


def test_a_large_photograph_is_used_without_a_warning(root: Path) -> None:
    assert Image.MAX_IMAGE_PIXELS
    Image.new("L", (10_000, Image.MAX_IMAGE_PIXELS // 10_000 + 1)).save(root / "train" / "ants" / "large.png")
    dataset, told = prepared(root)
    assert told == []
    assert one(dataset, "large.png").load().width == 10_000


def test_a_program_that_draws_is_not_run(root: Path) -> None:
    text = "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"
    (root / "train" / "ants" / "drawing.jpg").write_text(text)
    assert "EPS is a drawing" in broken(root, "drawing.jpg")


@pytest.mark.timeout(60)
def test_a_named_pipe_is_not_waited_for(root: Path) -> None:
    os.mkfifo(root / "train" / "ants" / "pipe.jpg")
    assert "not a regular file" in broken(root, "pipe.jpg")


def test_a_linked_folder_is_followed_but_not_in_a_circle(root: Path) -> None:
    (root / "train" / "ants" / "again").symlink_to(root / "train" / "ants")
    (root.parent / "more").mkdir()
    Image.new("RGB", (9, 9)).save(root.parent / "more" / "linked.png")
    (root / "train" / "ants" / "more").symlink_to(root.parent / "more")
    dataset, _ = prepared(root)
    names = [sample.name for sample in dataset.split("train") if sample.label == 0]
    assert names == ["train/ants/0.png", "train/ants/1.png", "train/ants/more/linked.png"]


@pytest.mark.parametrize("names", [("Train", "Val"), ("training", "validation"), ("train", "valid")])
def test_folders_called_almost_train_and_val_are_not_taken_for_classes(root: Path, names: tuple[str, str]) -> None:
    (root / "train").rename(root / names[0])
    (root / "val").rename(root / names[1])
    with pytest.raises(DataError, match=r"no folder (train|val)") as caught:
        prepared(root)
    assert "rename" in str(caught.value) or "val_fraction" in str(caught.value)


def test_files_beside_the_class_folders_are_told(root: Path) -> None:
    (root / "train" / "lost.png").write_bytes((root / "train" / "ants" / "0.png").read_bytes())
    _, told = prepared(root)
    assert told == ["not used, because they are in no class folder: 1 file(s): train/lost.png"]


def test_many_problems_are_counted_and_not_all_named(root: Path) -> None:
    for number in range(30):
        (root / "train" / "ants" / f"{number:02}.jpg").write_text("no")
    with pytest.raises(DataError, match="30 things are wrong") as caught:
        prepared(root)
    assert str(caught.value).count("is not an image") == 20
    assert "and 10 more" in str(caught.value)
    _, told = prepared(root, on_error="skip")
    assert len(told) == 1
    assert told[0].startswith("left out 30 ")


def test_a_missing_val_and_a_broken_file_are_told_together(root: Path) -> None:
    (root / "val").rename(root.parent / "elsewhere")
    (root / "train" / "ants" / "0.png").write_bytes(b"")
    with pytest.raises(DataError) as caught:
        prepared(root)
    for told in ("val_fraction=0.2", "train/ants/0.png is empty", "on_error=skip"):
        assert told in str(caught.value)


def test_a_class_without_validation_images_is_trained_when_skipping(root: Path) -> None:
    for path in (root / "val" / "bees").iterdir():
        path.write_bytes(b"")
    dataset, told = prepared(root, on_error="skip")
    assert dataset.classes == ("ants", "bees")
    assert any("'bees'" in line and "not validated" in line for line in told)


def test_an_empty_class_takes_its_validation_images_along(root: Path) -> None:
    for path in (root / "train" / "ants").iterdir():
        path.write_bytes(b"")
    (root / "train" / "cats").mkdir()
    Image.new("RGB", (9, 9)).save(root / "train" / "cats" / "1.png")
    dataset, _ = prepared(root, on_error="skip")
    assert dataset.classes == ("bees", "cats")
    assert {sample.name.split("/")[1] for sample in dataset.split("val")} == {"bees"}


def test_a_second_look_trusts_size_and_time_after_a_failure_too(root: Path) -> None:
    bad = root / "train" / "ants" / "0.png"
    good = bad.read_bytes()
    bad.write_bytes(b"")
    with pytest.raises(DataError):
        prepared(root)
    looked: list[int | None] = []
    bad.write_bytes(good)
    dataset = Folder(root, on_error="skip")
    dataset.prepare(root.parent / "cache", lambda what, done, total, unit="": looked.append(total), print)
    assert looked == [1]
    assert len(dataset.split("train")) == 4


def test_an_index_that_was_torn_is_made_anew(root: Path) -> None:
    before, _ = prepared(root)
    (index,) = (root.parent / "cache").rglob("*.json")
    index.write_text(index.read_text()[:100])
    after, _ = prepared(root)
    assert after.split("train") == before.split("train")


def test_samples_and_data_sets_can_be_sent_to_other_processes(root: Path) -> None:
    dataset, _ = prepared(root)
    again = pickle.loads(pickle.dumps(dataset.split("train")))
    assert again == dataset.split("train")
    assert again[0].load().size == (30, 20)
    assert len(pickle.dumps(dataset.split("train"))) < 4 * 250


def test_asking_before_preparing_says_what_to_do(root: Path) -> None:
    with pytest.raises(PluginError, match="prepare"):
        Folder(root).split("train")


@pytest.fixture
def mere_mortal(root: Path) -> Iterator[Path]:
    """The photographs for somebody whom permissions bind: root, who may read everything, becomes nobody."""
    if os.geteuid() != 0:
        yield root
        return
    nobody = 65534
    with tempfile.TemporaryDirectory() as folder:
        # Not below pytest's own folder, which nobody but root may enter.
        moved = shutil.copytree(root, Path(folder) / root.name)
        for path in (Path(folder), *Path(folder).rglob("*")):
            os.chown(path, nobody, nobody)
        os.seteuid(nobody)
        try:
            yield moved
        finally:
            os.seteuid(0)


def test_unreadable_files_and_folders_are_named(mere_mortal: Path) -> None:
    root = mere_mortal
    (root / "train" / "ants" / "0.png").chmod(0)
    (root / "train" / "ants" / "more").mkdir(mode=0)
    assert "cannot be read" in broken(root, "0.png")
    assert "cannot be looked into" in broken(root, "more")


def test_pillow_tells_nobody_anything(root: Path) -> None:
    """In a process that turns every warning into an error, from two threads at once."""
    Image.new("L", (10_000, 9_000)).save(root / "train" / "ants" / "large.png")
    program = """
import sys, threading, warnings
from pathlib import Path
from fledge.data.image_file import ImageFile
from fledge.data.quiet import quiet_pillow
filters = list(warnings.filters)
failed = []
def work():
    try:
        for _ in range(3):
            ImageFile(sys.argv[1], "train/ants/large.png", 0, "").load()
    except Exception as error:
        failed.append(error)
threads = [threading.Thread(target=work) for _ in range(2)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert not failed, failed
assert warnings.filters == filters
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program, str(root)], check=True)


@given(
    contents=st.lists(st.integers(0, 10**6), min_size=2, max_size=40, unique=True),
    new=st.integers(10**6 + 1, 2 * 10**6),
    fraction=st.floats(0.05, 0.95),
    copies=st.integers(0, 3),
)
def test_another_image_moves_one_of_the_others_at_most(
    contents: list[int], new: int, fraction: float, copies: int
) -> None:
    images = {f"{at}.jpg": str(content) for at, content in enumerate(contents)}
    images |= {f"copy{at}.jpg": str(contents[0]) for at in range(copies)}
    before = hold_out(images, fraction, 0)
    after = hold_out(images | {"new.jpg": str(new)}, fraction, 0)
    moved = {images[name] for name in (before ^ after) - {"new.jpg"}}
    assert len(moved) <= 1
    sides = {(images[name], name in before) for name in images}
    assert len(sides) == len(contents)
