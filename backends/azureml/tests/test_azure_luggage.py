"""What travels besides the code: read as it was when it was hashed, and many at a time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fledge import RunError
from fledge_azureml.abreast import abreast
from fledge_azureml.checked import Checked


def test_what_is_read_is_what_was_hashed_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "hen.jpg"
    path.write_bytes(b"an owl")
    told = Checked(path)
    with told.open("rb") as file:
        assert file.read() == b"an owl"
    # Of the same length and time, as some who copy leave it.
    before = path.stat()
    path.write_bytes(b"a crow")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with told.open("rb") as file:
        assert file.read(4) == b"a cr"
        with pytest.raises(RunError, match="was changed"):
            file.read(4)
    os.utime(path)
    assert Checked(path).sha256 != told.sha256


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"gone\.jpg.* cannot be read: No such file"):
        Checked(tmp_path / "gone.jpg")


def test_nothing_more_is_begun_after_what_went_wrong() -> None:
    begun = []

    def do(piece: int) -> None:
        begun.append(piece)
        if piece == 3:
            raise RunError("refused")

    with pytest.raises(RunError, match="refused"):
        list(abreast(do, range(1000), 1))
    assert begun == [0, 1, 2, 3]
    assert sorted(abreast(begun.append, range(20), 8)) == list(range(20))


_WALKS_AWAY = """
import threading
from fledge_azureml.abreast import abreast
for piece in abreast(lambda piece: piece and threading.Event().wait(), range(3), 3):
    print("done", piece)
    break
"""


def test_who_walks_away_ends_without_them() -> None:
    told = subprocess.run([sys.executable, "-c", _WALKS_AWAY], capture_output=True, text=True, check=True)
    assert told.stdout == "done 0\n"
