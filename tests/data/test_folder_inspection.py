from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fledge import DataError, FolderDataset, FolderOptions, Progress
from fledge.data.splitting import hold_out
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image


class Photos(FolderDataset):
    def __init__(self, root: Path, **options: object) -> None:
        super().__init__(FolderOptions.model_validate(options))
        self.root = root

    def _root(self, cache: Path, progress: Progress, warn: Callable[[str], None]) -> Path:
        return self.root


def picture(path: Path, number: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    number = 0
    for split, count in (("train", 4), ("val", 2)):
        for kind in ("ants", "bees"):
            for at in range(count):
                picture(tmp_path / "photos" / split / kind / f"{at}.png", number := number + 1)
    return tmp_path / "photos"


def prepare(dataset: Photos, root: Path) -> list[str]:
    told: list[str] = []
    dataset.prepare(root.parent / "cache", warn=told.append)
    return told


def break_it(root: Path, how: str) -> str:
    target = root / "train" / "ants" / "0.png"
    if how == "truncated":
        target.write_bytes(target.read_bytes()[:-2000])
    elif how == "zero bytes":
        target.write_bytes(b"")
    elif how == "not an image":
        target.write_text("I am a text")
    elif how == "a page":
        target = target.with_name("notes.txt")
        target.write_text("not here either")
    elif how == "a dangling link":
        target.unlink()
        target.symlink_to("nowhere.png")
    elif how == "a bomb":
        Image.new("1", (30_000, 30_000)).save(target)
    return target.relative_to(root).as_posix()


BROKEN = ["truncated", "zero bytes", "not an image", "a page", "a dangling link", "a bomb"]


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_file_is_named(root: Path, how: str) -> None:
    name = break_it(root, how)
    with pytest.raises(DataError, match=name) as caught:
        prepare(Photos(root), root)
    assert "on_error=skip" in str(caught.value)
    dataset = Photos(root, on_error="skip")
    assert any(name in line for line in prepare(dataset, root))
    assert all(sample.name != name for sample in dataset.split("train"))
    assert len(dataset.split("train")) in (7, 8)


def test_everything_wrong_is_listed_at_once(root: Path) -> None:
    (root / "train" / "ants" / "0.png").write_bytes(b"")
    (root / "val" / "bees" / "1.png").write_text("text")
    (root / "train" / "wasps").mkdir()
    (root / "val" / "flies").mkdir()
    with pytest.raises(DataError) as caught:
        prepare(Photos(root), root)
    for part in ("train/ants/0.png", "val/bees/1.png", "class 'wasps'", "class 'flies'", "4 things"):
        assert part in str(caught.value)
    dataset = Photos(root, on_error="skip")
    prepare(dataset, root)
    assert dataset.classes == ("ants", "bees")


def test_desktop_litter_is_nobodys_problem(root: Path) -> None:
    for name in (".DS_Store", "Thumbs.db", ".hidden/x"):
        (root / "train" / "ants" / name).parent.mkdir(exist_ok=True)
        (root / "train" / "ants" / name).write_text("litter")
    assert prepare(Photos(root), root) == []


def odd_image(kind: str, path: Path) -> None:
    grey = Image.new("L", (8, 8), 128)
    if kind == "CMYK":
        Image.new("RGB", (8, 8), (10, 200, 30)).convert("CMYK").save(path, quality=100)
    elif kind == "palette":
        Image.new("RGB", (8, 8), (10, 200, 30)).quantize().save(path)
    elif kind == "16-bit":
        Image.fromarray(np.full((8, 8), 0x8080, dtype=np.uint16)).save(path)
    elif kind == "transparent":
        Image.new("RGBA", (8, 8), (10, 200, 30, 0)).save(path)
    elif kind == "EXIF-rotated":
        two = Image.new("RGB", (16, 8), (200, 0, 0))
        two.paste((0, 0, 200), (8, 0, 16, 8))
        exif = Image.Exif()
        exif[0x0112] = 6
        two.save(path, exif=exif, quality=100)
    elif kind == "animated":
        grey.save(path, save_all=True, append_images=[Image.new("L", (8, 8), 0)])


@pytest.mark.parametrize(
    ("kind", "suffix", "expected"),
    [
        ("CMYK", "jpg", (10, 200, 30)),
        ("palette", "png", (10, 200, 30)),
        ("16-bit", "png", (128, 128, 128)),
        ("transparent", "png", (255, 255, 255)),
        ("EXIF-rotated", "jpg", (200, 0, 0)),
        ("animated", "gif", (128, 128, 128)),
    ],
)
def test_an_odd_image_is_used_as_a_person_would_see_it(
    root: Path, kind: str, suffix: str, expected: tuple[int, int, int]
) -> None:
    path = root / "train" / "ants" / f"odd.{suffix}"
    odd_image(kind, path)
    dataset = Photos(root)
    told = prepare(dataset, root)
    words = "more than one frame" if kind == "animated" else kind
    (line,) = told
    assert f"1 {words} (train/ants/odd.{suffix})" in line
    image = next(s for s in dataset.split("train") if s.name.endswith(f"odd.{suffix}")).load()
    assert image.mode == "RGB"
    assert image.size == ((8, 16) if kind == "EXIF-rotated" else (8, 8))
    colour = image.getpixel((4, 2))
    assert isinstance(colour, tuple)
    assert all(abs(a - b) <= 6 for a, b in zip(colour, expected, strict=True))


def test_no_val_says_how_to_get_one(root: Path) -> None:
    (root / "val").rename(root.parent / "elsewhere")
    with pytest.raises(DataError, match="val_fraction"):
        prepare(Photos(root), root)
    dataset = Photos(root, val_fraction=0.25)
    prepare(dataset, root)
    assert (len(dataset.split("train")), len(dataset.split("val"))) == (6, 2)


def test_one_folder_is_split_by_class_and_seed(root: Path) -> None:
    flat = root / "train"
    splits = []
    for seed in (0, 0, 1):
        dataset = Photos(flat, val_fraction=0.5, split_seed=seed)
        prepare(dataset, root)
        assert {s.label for s in dataset.split("val")} == {0, 1}
        names = {s.name for s in dataset.split("train")}, {s.name for s in dataset.split("val")}
        assert not names[0] & names[1]
        splits.append(names)
    assert splits[0] == splits[1]
    assert splits[0] != splits[2]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda root: root / "nowhere", "there is no folder"),
        (lambda root: picture(root / "a.png"), "not a folder"),
        (lambda root: (root / "empty").mkdir() or root / "empty", "no folders of classes"),
        (lambda root: (root / "only" / "val" / "a").mkdir(parents=True) or root / "only", "no folder train"),
        (lambda root: picture(root / "one" / "a" / "x.png") and root / "one", "only 'a' has any"),
    ],
)
def test_a_folder_that_is_no_data_set(root: Path, make: Callable[[Path], Path], says: str) -> None:
    with pytest.raises(DataError, match=says):
        prepare(Photos(make(root)), root)


def test_an_image_in_both_splits_is_told(root: Path) -> None:
    (root / "val" / "bees" / "0.png").write_bytes((root / "train" / "bees" / "0.png").read_bytes())
    (told,) = prepare(Photos(root), root)
    assert "flatters" in told
    assert "val/bees/0.png is train/bees/0.png" in told


def test_a_second_look_reads_only_what_has_changed(root: Path) -> None:
    looked: list[tuple[int, int | None]] = []

    def progress(what: str, done: int, total: int | None, unit: str = "files") -> None:
        looked.append((done, total))

    for expected in ([(n, 12) for n in range(1, 13)], [], [(1, 1)]):
        looked.clear()
        dataset = Photos(root)
        dataset.prepare(root.parent / "cache", progress, print)
        assert looked == expected
        if not expected:
            picture(root / "val" / "ants" / "0.png", 99)


def test_order_and_fingerprints_depend_on_nothing_but_the_data(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "copy"
    for path in sorted(root.rglob("*.png"), reverse=True):
        target = other / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    one, two = Photos(root), Photos(other)
    prepare(one, root)
    two.prepare(tmp_path / "another cache")
    assert [(s.name, s.label, s.fingerprint) for s in one.split("train")] == [
        (s.name, s.label, s.fingerprint) for s in two.split("train")
    ]


def test_a_file_damaged_since_is_named_when_it_is_used(root: Path) -> None:
    dataset = Photos(root)
    prepare(dataset, root)
    sample = dataset.split("train")[0]
    (root / sample.name).write_bytes(b"gone")
    with pytest.raises(DataError, match=sample.name):
        sample.load()


@given(
    contents=st.lists(st.integers(0, 50), min_size=2, max_size=60),
    fraction=st.floats(0.05, 0.95),
    seed=st.integers(0, 5),
)
def test_holding_out(contents: list[int], fraction: float, seed: int) -> None:
    fingerprints = {f"{at}.jpg": str(content) for at, content in enumerate(contents)}
    held = hold_out(fingerprints, fraction, seed)
    assert held < set(fingerprints)
    assert bool(held) == (len(set(contents)) > 1)
    assert held == hold_out(dict(reversed(fingerprints.items())), fraction, seed)
    if len(set(contents)) == len(contents):
        assert abs(len(held) - fraction * len(contents)) <= 1
