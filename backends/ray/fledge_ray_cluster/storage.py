"""Storage: where a run is kept on a node, and how the dashboard comes to see it there."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Storage:
    """A folder on a node, with one of each run in it.

    files/          FLEDGE_RUN_DIR of node 0
    nodes/K/        FLEDGE_RUN_DIR of node K: scratch
    log/            the log in pieces, where the driver runs
    submissions/    what the driver says of each submission
    place.json      on which node files/ is
    """

    run: Path

    @classmethod
    def of(cls, run: str, storage: str | None) -> "Storage":
        root = Path(storage).expanduser() if storage else _cache() / "fledge" / "ray"
        return cls(root / run)

    def files(self, node: int) -> Path:
        return self.run / "files" if node == 0 else self.run / "nodes" / str(node)

    def record(self, submission: str) -> Path:
        return self.run / "submissions" / f"{submission}.json"

    def show(self, logs: Path) -> None:
        """Link the run into this node's log folder: the files below it are what the dashboard hands out."""
        link = logs / "fledge" / self.run.name
        link.parent.mkdir(parents=True, exist_ok=True)
        # Two nodes may share a machine, and do this at once.
        part = link.with_name(f".{link.name}.{os.getpid()}")
        part.symlink_to(self.run)
        part.replace(link)


def write(path: Path, told: dict[str, Any]) -> None:
    """In one step: whoever reads it meanwhile has the old or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(json.dumps(told))
    part.replace(path)


def read(path: Path) -> dict[str, Any]:
    """Empty where there is none."""
    try:
        told: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return told


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
