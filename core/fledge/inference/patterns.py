"""Patterns: the files that `*`, `?`, `[...]` and `**` mean."""

import glob
import os
import re
from collections.abc import Iterator
from pathlib import Path

from fledge.inference.folders import below

_ANY_DEPTH = re.compile(r"(?:(.*?)/)?\*\*(?:/(.*))?", re.DOTALL)


def matching(pattern: str) -> list[str]:
    """What matches and is no folder, sorted, each once."""
    return sorted({found for found in _expanded(pattern) if not os.path.isdir(found)})  # noqa: PTH112 -- text, not paths


def _expanded(pattern: str) -> Iterator[str]:
    split = _ANY_DEPTH.fullmatch(pattern)
    if split is None:
        yield from glob.iglob(pattern)  # noqa: PTH207 -- a pattern may be absolute
        return
    # glob's own `**` goes round and round through a link to a folder above it.
    before, after = split[1], split[2] or "*"
    roots = [""] if before is None else glob.iglob(f"{before}/")  # noqa: PTH207 -- as above
    for root in roots:
        for folder, _, _ in below(Path(root)):
            inside = glob.escape("" if folder == Path() else f"{folder}/")
            yield from _expanded(f"{inside}{after}")
