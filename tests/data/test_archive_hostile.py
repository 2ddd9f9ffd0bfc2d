"""Archives made to hurt, and archives made by other systems."""

import gzip
import io
import os
import signal
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from fledge import DataError, unpack


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
def test_headers_that_blow_up_in_memory_are_stopped(tmp_path: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 3_000_000_000
    with gzip.open(tmp_path / "bomb.tgz", "wb", compresslevel=1) as file:
        file.write(header.tobuf())
        for _ in range(300):
            file.write(bytes(1_000_000))
    program = """
import pathlib, re, sys
from fledge import DataError, unpack
try:
    unpack(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), max_bytes=1_000_000, max_files=10)
except DataError as error:
    print(error)
print(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])
"""
    words = [sys.executable, "-c", program, str(tmp_path / "bomb.tgz"), str(tmp_path / "out")]
    done = subprocess.run(words, capture_output=True, text=True)
    assert "unpacks to more than" in done.stdout, done.stdout + done.stderr
    assert int(done.stdout.split()[-1]) < 150_000  # kB


def test_entries_that_are_no_files_are_counted_too(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as packed:
        for number in range(50):
            folder = tarfile.TarInfo(f"d{number}")
            folder.type = tarfile.DIRTYPE
            packed.addfile(folder)
    with pytest.raises(DataError, match="more than the 10 files"):
        unpack(tmp_path / "a.tgz", tmp_path / "out", max_bytes=1000, max_files=10)


def test_folders_written_with_backslashes_are_folders(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("birds\\", b"")
        packed.writestr("birds\\train\\a.jpg", b"1")
    unpack(tmp_path / "a.zip", tmp_path / "out", max_bytes=1000, max_files=10)
    assert (tmp_path / "out" / "birds" / "train" / "a.jpg").read_bytes() == b"1"


@pytest.mark.parametrize("kind", ["w", "w:gz", "w:bz2", "w:xz"])
def test_every_kind_of_tar(tmp_path: Path, kind: str) -> None:
    with tarfile.open(tmp_path / "archive", kind) as packed:  # type: ignore[call-overload]
        member = tarfile.TarInfo("./train/a.jpg")
        member.size = 70_000
        packed.addfile(member, io.BytesIO(bytes(70_000)))
    unpack(tmp_path / "archive", tmp_path / "out", max_bytes=70_000, max_files=1)
    assert (tmp_path / "out" / "train" / "a.jpg").stat().st_size == 70_000


def test_a_password_is_asked_of_nobody(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("a.jpg", b"1")
    data = bytearray((tmp_path / "a.zip").read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(DataError, match="encrypted"):
        unpack(tmp_path / "a.zip", tmp_path / "out", max_bytes=1000, max_files=10)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_DEFLATED])
def test_any_flipped_byte_is_damage_or_nothing(tmp_path: Path, method: int) -> None:
    content = os.urandom(50) + bytes(range(256)) * 2
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as packed:
        packed.writestr("a.jpg", content)
    whole = (tmp_path / "a.zip").read_bytes()
    for at in range(0, len(whole), 3):
        data = bytearray(whole)
        data[at] ^= 0xFF
        (tmp_path / "b.zip").write_bytes(data)
        target = tmp_path / f"out{at}"
        try:
            unpack(tmp_path / "b.zip", target, max_bytes=10_000, max_files=10)
        except DataError:
            assert not target.exists()
        else:
            assert [path.read_bytes() for path in target.rglob("*") if path.is_file()] == [content]


def test_a_web_page_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("<!DOCTYPE html><title>Sign in</title>")
    with pytest.raises(DataError, match="neither a zip nor a tar") as caught:
        unpack(tmp_path / "a.zip", tmp_path / "out", max_bytes=1000, max_files=10)
    assert "web page" in str(caught.value)


def test_a_killed_unpacking_leaves_no_half_and_is_done_again(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        for number in range(200):
            packed.writestr(f"{number}.jpg", b"x" * 1000)
    program = """
import os, pathlib, signal, sys
from fledge import unpack
def progress(what, done, total, unit="files"):
    if done == 100:
        os.kill(os.getpid(), signal.SIGKILL)
unpack(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), max_bytes=10**6, max_files=1000, progress=progress)
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "a.zip"), str(tmp_path / "out")])
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    unpack(tmp_path / "a.zip", tmp_path / "out", max_bytes=10**6, max_files=1000)
    assert len(list((tmp_path / "out").iterdir())) == 200
    assert not [path for path in tmp_path.iterdir() if "unpacking" in path.name]
