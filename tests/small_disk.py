"""A disk that is soon full."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """`folder` as a file system of its own of `size` ("700k"), while inside."""
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True).returncode:
        # Only root may: elsewhere nothing is proven, and pytest's summary says so.
        pytest.skip("file systems may not be mounted here, so none can be full")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
