"""Inspection: decoding every file of a folder once, to know before training what is wrong with which."""

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fledge.data.examination import Examined, examine
from fledge.data.index import read_index, write_index
from fledge.data.quiet import quiet_pillow
from fledge.interfaces.progress import Progress

_PORTION = 256
# Seconds of work that a kill may cost.
_SAVE_EVERY = 15.0


def inspect(root: Path, names: Sequence[str], index: Path, progress: Progress) -> dict[str, Examined]:
    """What each file below root is, by name in the order of `names`.

    Files whose size and time have not changed since `index` was written are not opened again. The
    index is written in between too, so that a killed inspection goes on where it was.
    """
    known = read_index(index)
    kept = {name: known[name] for name in names if name in known and _is_unchanged(root / name, known[name])}
    fresh = [name for name in names if name not in kept]
    saved = time.monotonic()
    for done, (name, one) in enumerate(_examine_all(root, fresh), 1):
        kept[name] = one
        progress("checking images", done, len(fresh))
        if time.monotonic() - saved > _SAVE_EVERY:
            write_index(index, kept)
            saved = time.monotonic()
    found = {name: kept[name] for name in names}
    if fresh or known.keys() != found.keys():
        write_index(index, found)
    return found


def _examine_all(root: Path, names: Sequence[str]) -> Iterator[tuple[str, Examined]]:
    # Threads, because Pillow decodes outside Python's lock; in portions, because a hundred
    # thousand waiting tasks are a hundred thousand objects.
    with quiet_pillow(), ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(names), _PORTION):
            portion = names[start : start + _PORTION]
            yield from zip(portion, pool.map(lambda name: examine(root / name), portion), strict=True)


def _is_unchanged(path: Path, before: Examined) -> bool:
    try:
        found = path.stat()
    except OSError:
        return False
    return (found.st_size, found.st_mtime_ns) == (before.size, before.mtime_ns)
