"""The studio: a whole set of pictures, drawn on all cores, there entirely or not at all."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryFile, mkdtemp
from typing import IO

from filelock import FileLock
from fledge import DataError, Progress

from fledge_birds.drawing.picture import VERSION
from fledge_birds.drawing.plan import Counts, planned

PACKAGES = Path(__file__).resolve().parents[2]
FEW = 20


def drawn_set(cache: Path, seed: int, counts: Counts, progress: Progress) -> Path:
    """A folder below `cache` holding <split>/<species>/<name>.jpg, `counts[split]` of each species.

    Idempotent, safe after a kill at any moment and while another process does the same: the folder appears
    by a rename once it is whole. One that has lost pictures since is drawn anew.

    Raises DataError where the cache cannot be written.
    """
    name = f"drawn-birds-{VERSION}-seed{seed}-" + "-".join(f"{split}{n}" for split, n in sorted(counts.items()))
    target = cache / name
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f"{name}.lock"):
            for leftover in cache.glob(f"{name}.partial-*"):
                _remove(leftover)
            if not _whole(target, counts):
                _replace(target, counts, seed, progress)
    except OSError as error:
        raise DataError(
            f"the drawn birds cannot be kept in {cache}: {error.strerror or error}",
            hint="the cache needs about 25 kB a picture and a folder that may be written to",
        ) from error
    return target


def _replace(target: Path, counts: Counts, seed: int, progress: Progress) -> None:
    damaged = target.with_name(f"{target.name}.partial-damaged")
    partial = Path(mkdtemp(prefix=f"{target.name}.partial-", dir=target.parent))
    try:
        _draw_all(partial, counts, seed, progress)
        if target.exists():
            target.rename(damaged)
        # mkdtemp keeps others out, and a cache may be shared.
        partial.chmod(0o755)
        partial.rename(target)
        _sync(target.parent)
    finally:
        for gone in (partial, damaged):
            if gone.exists():
                _remove(gone)


def _draw_all(folder: Path, counts: Counts, seed: int, progress: Progress) -> None:
    total = len(planned(counts))
    stripes = max(1, min(_cores(), -(-total // FEW)))
    progress("drawing birds", 0, total, "pictures")
    reading, writing = os.pipe()
    with TemporaryFile() as complaints:
        painters = []
        try:
            for stripe in range(stripes):
                painters.append(_painter(folder, counts, seed, (stripe, stripes), writing, complaints))
            os.close(writing)
            writing = -1
            done = 0
            # Each painter writes a byte a picture; the pipe ends when the last of them has gone.
            while news := os.read(reading, 4096):
                done += len(news)
                progress("drawing birds", done, total, "pictures")
            failed = [code for painter in painters if (code := painter.wait())]
        finally:
            for painter in painters:
                painter.kill()
                painter.wait()
            os.close(reading)
            if writing >= 0:
                os.close(writing)
        if failed or done != total:
            raise _failure(complaints, failed, f"{done} of {total}")


def _painter(
    folder: Path, counts: Counts, seed: int, stripe: tuple[int, int], news: int, complaints: IO[bytes]
) -> "subprocess.Popen[bytes]":
    """One more process. Not multiprocessing: that would run the main module of whoever called us again,
    and leaves its processes behind when this one is killed; these end with the pipe."""
    words = [str(folder), str(seed), f"{stripe[0]}/{stripe[1]}", *(f"{split}={n}" for split, n in counts.items())]
    path = os.pathsep.join([str(PACKAGES), *(p for p in sys.path if p)])
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "fledge_birds.drawing.painter", *words],
        stdin=subprocess.DEVNULL,
        stdout=news,
        stderr=complaints,
        # Every core has its painter already.
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )


def _failure(complaints: IO[bytes], codes: list[int], reached: str) -> DataError:
    complaints.seek(0)
    lines = complaints.read().decode(errors="replace").strip().splitlines()
    why = lines[-1] if lines else f"a drawing process ended with status {codes[0] if codes else 0}"
    return DataError(
        f"only {reached} bird pictures could be drawn: {why}",
        hint="nothing half done was kept; make room on the cache's disk if it is full, and run the same command again",
    )


def _whole(target: Path, counts: Mapping[str, int]) -> bool:
    try:
        return all((target / item.path).stat().st_size > 0 for item in planned(counts))
    except FileNotFoundError:
        return False


def _remove(folder: Path) -> None:
    # Under a new name first: a painter that outlived its killed parent by a moment finds no folder to write to.
    doomed = folder if folder.name.endswith(".gone") else folder.with_name(f"{folder.name}.gone")
    folder.rename(doomed)
    rmtree(doomed)


def _sync(folder: Path) -> None:
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
