import io
import stat
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from fledge import DataError, unpack
from hypothesis import given
from hypothesis import strategies as st


def unpack_bounded(archive: Path, target: Path) -> None:
    unpack(archive, target, max_bytes=1_000_000, max_files=100)


def zipped(path: Path, members: Sequence[tuple[str | zipfile.ZipInfo, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def tarred(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def test_files_come_out_whole_and_litter_does_not(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", [("train/ä/1.jpg", b"one"), ("__MACOSX/x", b""), ("train/.DS_Store", b"")])
    unpack_bounded(archive, tmp_path / "out")
    assert [p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.*")] == ["train/ä/1.jpg"]
    assert (tmp_path / "out/train/ä/1.jpg").read_bytes() == b"one"


def test_a_tar_archive(tmp_path: Path) -> None:
    member = tarfile.TarInfo("./train/a/1.jpg")
    member.size = 5
    unpack_bounded(tarred(tmp_path / "a.tgz", member), tmp_path / "out")
    assert (tmp_path / "out/train/a/1.jpg").read_bytes() == b"xxxxx"


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/etc/evil", "C:evil", "..\\evil", "a\\..\\..\\evil", "a\nb"]
)
def test_a_name_that_leads_outside_refuses_the_archive(tmp_path: Path, name: str) -> None:
    archive = zipped(tmp_path / "a.zip", [("good", b"1"), (name, b"2")])
    with pytest.raises(DataError, match="outside"):
        unpack_bounded(archive, tmp_path / "deep" / "out")
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix not in (".zip", ".lock")]


@given(name=st.lists(st.sampled_from(["/", "..", ".", "\\", "a", "C:", " ", "é"]), min_size=1, max_size=8).map("".join))
def test_nothing_is_ever_written_outside(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    base = tmp_path_factory.mktemp("archive")
    archive = zipped(base / "a.zip", [(name, b"content")])
    try:
        unpack_bounded(archive, base / "in" / "out")
    except DataError:
        assert not (base / "in" / "out").exists()
    written = [path for path in base.rglob("*") if path.is_file() and path.suffix not in (".zip", ".lock")]
    assert all(path.is_relative_to(base / "in" / "out") for path in written)


def test_links_and_devices_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(DataError, match="link"):
        unpack_bounded(zipped(tmp_path / "a.zip", [(link, b"/etc/passwd")]), tmp_path / "out")
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
        member = tarfile.TarInfo("bad")
        member.type, member.linkname = kind, "/etc/passwd"
        with pytest.raises(DataError, match="link or a device"):
            unpack_bounded(tarred(tmp_path / "a.tgz", member), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_bomb_is_stopped_by_what_is_really_written(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", [("bomb", bytes(5_000_000))])
    assert archive.stat().st_size < 10_000
    with pytest.raises(DataError, match="more than the 1 MB"):
        unpack_bounded(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_too_many_files(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", [(f"f{number}", b"") for number in range(101)])
    with pytest.raises(DataError, match="more than the 100 files"):
        unpack_bounded(archive, tmp_path / "out")


def test_one_name_twice(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="twice"):
        unpack_bounded(zipped(tmp_path / "a.zip", [("a/B.jpg", b"1"), ("a/b.jpg", b"2")]), tmp_path / "out")
    with pytest.raises(DataError, match="both as a file and as a folder"):
        unpack_bounded(zipped(tmp_path / "b.zip", [("a", b"1"), ("a/b", b"2")]), tmp_path / "out")


@pytest.mark.parametrize("damage", ["page", "cut", "flipped"])
def test_a_damaged_archive_says_so(tmp_path: Path, damage: str) -> None:
    archive = zipped(tmp_path / "a.zip", [("a", bytes(range(256)) * 50)])
    data = bytearray(archive.read_bytes())
    if damage == "page":
        data = bytearray(b"<html>not found</html>")
    elif damage == "cut":
        data = data[: len(data) // 2]
    else:
        data[60] ^= 0xFF
    archive.write_bytes(data)
    with pytest.raises(DataError, match=r"damaged|neither"):
        unpack_bounded(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_second_time_does_nothing_and_leftovers_are_cleaned_up(tmp_path: Path) -> None:
    (tmp_path / ".out.unpacking" / "half").mkdir(parents=True)
    archive = zipped(tmp_path / "a.zip", [("a", b"1")])
    unpack_bounded(archive, tmp_path / "out")
    assert not (tmp_path / "out" / "half").exists()
    archive.write_bytes(b"no archive any more")
    unpack_bounded(archive, tmp_path / "out")
    assert (tmp_path / "out" / "a").read_bytes() == b"1"
