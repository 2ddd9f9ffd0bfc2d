"""The index: what is known of a folder's files from last time."""

import json
from collections.abc import Mapping
from pathlib import Path

import PIL
from PIL import Image

from fledge.atomic import write_atomic
from fledge.data.examination import Examined


def read_index(path: Path) -> dict[str, Examined]:
    """By name. Empty where there is no index, or one that this version of fledge or of Pillow might judge otherwise."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if told["judge"] != _judge():
            return {}
        return {name: _examined(*row) for name, row in told["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return {}


def write_index(path: Path, files: Mapping[str, Examined]) -> None:
    rows = {name: [one.size, one.mtime_ns, one.sha256, one.problem, one.odd] for name, one in files.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, json.dumps({"judge": _judge(), "files": rows}))


def _examined(size: int, mtime_ns: int, sha256: str, problem: str, odd: list[str]) -> Examined:
    return Examined(size, mtime_ns, sha256, problem, tuple(odd))


def _judge() -> list[object]:
    return [1, PIL.__version__, Image.MAX_IMAGE_PIXELS]
