import io
import zipfile
from pathlib import Path

import pytest
from fledge import DataError
from fledge_birds.birds import Birds
from fledge_birds.options import BirdsOptions

from tests.flaky_server import FlakyServer, serving

ROOT = Path(__file__).parents[3]

CLASSES = ("landfowl", "waterfowl")


@pytest.fixture(scope="module")
def archive() -> bytes:
    """Real photographs, packed as the tutorial packs its own."""
    photos = ROOT.parent / "shared" / "photos" / "birds"
    if not photos.is_dir():
        pytest.skip(f"no real photographs: {photos} is absent")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for path in sorted(photos.rglob("*.jpg")):
            file.write(path, Path("fowl_data") / path.relative_to(photos))
    return packed.getvalue()


def test_photographs_come_through_a_connection_that_breaks_off_twice(archive: bytes, tmp_path: Path) -> None:
    told: list[str] = []
    with serving(FlakyServer(archive, breaks=2)) as server:
        birds = Birds(BirdsOptions(url=server.url))
        birds.prepare(tmp_path, warn=told.append)
        assert server.requests[0] is None
        assert all(asked for asked in server.requests[1:])
        assert len(server.requests) == 3
        again = Birds(BirdsOptions(url=server.url))
        again.prepare(tmp_path)
        assert len(server.requests) == 3
    assert birds.classes == again.classes == CLASSES
    assert (len(birds.split("train")), len(birds.split("val"))) == (195, 130)
    assert birds.split("train")[0].load().size == (224, 224)
    assert len(told) == 1
    assert "dataset.sha256=" in told[0]


def test_an_archive_on_this_machine(archive: bytes, tmp_path: Path) -> None:
    (tmp_path / "fowl.zip").write_bytes(archive)
    birds = Birds(BirdsOptions(root=tmp_path / "fowl.zip"))
    birds.prepare(tmp_path / "cache")
    assert birds.classes == CLASSES


def test_a_folder_on_this_machine(archive: bytes, tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        packed.extractall(tmp_path)
    for root in (tmp_path, tmp_path / "fowl_data"):
        birds = Birds(BirdsOptions(root=root))
        birds.prepare(tmp_path / "cache")
        assert len(birds.split("train")) == 195


def test_another_archive_at_the_same_address_is_not_taken_in_silence(archive: bytes, tmp_path: Path) -> None:
    with serving(FlakyServer(archive)) as server:
        Birds(BirdsOptions(url=server.url)).prepare(tmp_path)
        (kept,) = tmp_path.rglob("archive")
        kept.unlink()
        server.content = archive[:-30] + bytes(30)
        with pytest.raises(DataError, match="is not the file it should be"):
            Birds(BirdsOptions(url=server.url)).prepare(tmp_path)


def test_a_pinned_hash_is_held(archive: bytes, tmp_path: Path) -> None:
    with serving(FlakyServer(archive)) as server, pytest.raises(DataError, match="SHA-256"):
        Birds(BirdsOptions(url=server.url, sha256="0" * 64)).prepare(tmp_path)


def test_no_network_names_three_ways_on(tmp_path: Path) -> None:
    with serving(FlakyServer(b"", status=404)) as server, pytest.raises(DataError) as caught:
        Birds(BirdsOptions(url=server.url)).prepare(tmp_path)
    for way in ("dataset.root=", "dataset.url=", "drawn-birds"):
        assert way in str(caught.value)
