"""Which archive is used, and that it is never another one in silence."""

import hashlib
import io
import zipfile
from pathlib import Path

import pytest
from fledge import DataError
from fledge_birds.birds import Birds
from fledge_birds.options import BirdsOptions
from PIL import Image

from tests.flaky_server import FlakyServer, serving


def packed(*classes: str) -> bytes:
    """The tutorial's layout, small."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for number in range(4 * len(classes)):
            picture = io.BytesIO()
            Image.new("RGB", (9, 9), (number * 10, 0, len(classes[0]))).save(picture, "PNG")
            split = "train" if number % 2 else "val"
            archive.writestr(f"fowl_data/{split}/{classes[number // 4]}/{number}.png", picture.getvalue())
    return data.getvalue()


HENS, DUCKS = packed("chickens", "turkeys"), packed("ducks", "geese")


def classes(cache: Path, told: list[str] | None = None, **options: object) -> tuple[str, ...]:
    birds = Birds(BirdsOptions.model_validate(options))
    birds.prepare(cache, warn=(told if told is not None else []).append)
    return birds.classes


def test_a_local_archive_that_was_replaced_is_unpacked_anew(tmp_path: Path) -> None:
    archive = tmp_path / "fowl.zip"
    for content, expected in (
        (HENS, ("chickens", "turkeys")),
        (DUCKS, ("ducks", "geese")),
        (HENS, ("chickens", "turkeys")),
    ):
        archive.write_bytes(content)
        assert classes(tmp_path / "cache", root=archive) == expected


def test_a_local_archive_is_held_to_its_hash(tmp_path: Path) -> None:
    archive = tmp_path / "fowl.zip"
    archive.write_bytes(HENS)
    assert classes(tmp_path / "cache", root=archive, sha256=hashlib.sha256(HENS).hexdigest().upper())
    with pytest.raises(DataError, match="is not the archive it should be"):
        classes(tmp_path / "cache", root=archive, sha256=hashlib.sha256(DUCKS).hexdigest())


def test_a_folder_has_no_hash_to_hold_and_says_so(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(HENS)) as archive:
        archive.extractall(tmp_path / "here")
    told: list[str] = []
    assert classes(tmp_path / "cache", told, root=tmp_path / "here", sha256="0" * 64) == ("chickens", "turkeys")
    assert told == [f"dataset.sha256 is not checked: it is an archive's, and {tmp_path / 'here'} is a folder"]


def test_two_addresses_are_two_sets(tmp_path: Path) -> None:
    with serving(FlakyServer(HENS)) as hens, serving(FlakyServer(DUCKS)) as ducks:
        assert classes(tmp_path, url=hens.url) == ("chickens", "turkeys")
        assert classes(tmp_path, url=ducks.url) == ("ducks", "geese")
        assert classes(tmp_path, url=hens.url) == ("chickens", "turkeys")
        assert len(hens.requests) == len(ducks.requests) == 1


def test_a_new_pin_fetches_the_new_archive(tmp_path: Path) -> None:
    with serving(FlakyServer(HENS)) as server:
        told: list[str] = []
        assert classes(tmp_path, told, url=server.url) == ("chickens", "turkeys")
        assert hashlib.sha256(HENS).hexdigest() in told[0]
        server.content = DUCKS
        assert classes(tmp_path, url=server.url, sha256=hashlib.sha256(DUCKS).hexdigest()) == ("ducks", "geese")


def test_a_changed_archive_is_refused_and_how_to_take_it_is_said(tmp_path: Path) -> None:
    with serving(FlakyServer(HENS)) as server:
        classes(tmp_path, url=server.url)
        (kept,) = tmp_path.rglob("archive")
        kept.unlink()
        server.content = DUCKS
        with pytest.raises(DataError, match="is not the file it should be") as caught:
            classes(tmp_path, url=server.url)
        assert f"remove {kept.parent}" in str(caught.value)
