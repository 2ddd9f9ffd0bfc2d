"""Mark: how much of a run a tracker has, kept in the run's folder."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fledge.atomic import write_atomic
from fledge.interfaces.options import Options

FOLDER = "trackers"


@dataclass(frozen=True)
class Mark:
    """offset is where in the journal the first event lies that it has not; finished, the state it was last told of."""

    offset: int = 0
    finished: str | None = None

    @classmethod
    def read(cls, path: Path) -> "Mark":
        """Nothing has been sent where there is no mark, or none that can be read."""
        try:
            told: dict[str, Any] = json.loads(path.read_text())
            return cls(int(told["offset"]), told["finished"])
        except (OSError, ValueError, KeyError, TypeError):
            return cls()

    def write(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        write_atomic(path, json.dumps(asdict(self)))


def mark_file(folder: Path, name: str, options: Options) -> Path:
    """Of a tracker in a run's folder. With other options, another server's say, it is another place."""
    digest = hashlib.sha256(options.model_dump_json().encode()).hexdigest()[:8]
    return folder / FOLDER / f"{name}-{digest}.json"
