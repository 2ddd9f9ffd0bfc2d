"""RunDirectory: the folder of one run."""

import json
import secrets
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from fledge.atomic import write_atomic
from fledge.errors import RunError, UnknownName
from fledge.runs.places import runs
from fledge.runs.record import RunRecord

_STATE = "state.json"


class RunDirectory:
    """`runs/<id>/`: spec.toml, plan.json, state.json, journal.jsonl, log.txt, code/, outputs/, logs/."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def outputs(self) -> Path:
        return self.path / "outputs"

    @classmethod
    def create(cls, home: Path) -> "RunDirectory":
        """A new empty folder with an id that sorts by time."""
        while True:
            stamp = datetime.now(UTC)
            name = f"{stamp:%Y%m%d-%H%M%S}-{stamp.microsecond // 1000:03d}{secrets.token_hex(2)}"
            path = runs(home) / name
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                # For its owner alone: a spec may name an address with a password in it.
                path.mkdir(mode=0o700)
            except FileExistsError:
                continue
            except OSError as error:
                raise RunError(
                    f"runs cannot be kept in {home}: {error.strerror}",
                    hint="name a folder you may write to: FLEDGE_HOME=DIR",
                ) from None
            return cls(path)

    @classmethod
    def find(cls, home: Path, prefix: str) -> "RunDirectory":
        """The run whose id is, or alone begins with, `prefix`; "latest" is the newest. Raises UnknownName."""
        ids = list_ids(home)
        if prefix == "latest" and ids:
            return cls(runs(home) / ids[-1])
        matching = [one for one in ids if one.startswith(prefix)]
        if prefix in matching:
            matching = [prefix]
        if len(matching) == 1:
            return cls(runs(home) / matching[0])
        if matching:
            raise UnknownName("run", prefix, [], hint=f"{len(matching)} runs begin so: {', '.join(matching[:5])}")
        newest = f"; the newest is {ids[-1]}" if ids else "; there is none yet"
        raise UnknownName("run", prefix, [], hint=f"looked in {runs(home)}{newest}. `fledge runs list` shows all")

    def record(self) -> RunRecord:
        """Raises RunError where state.json is missing or not one of ours."""
        try:
            return RunRecord.from_dict(json.loads((self.path / _STATE).read_text()))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(f"run {self.id}: {self.path / _STATE} cannot be read: {error}") from None

    def save(self, record: RunRecord) -> None:
        self.write(_STATE, json.dumps(record.to_dict(), indent=1))

    def write(self, name: str, content: str) -> None:
        write_atomic(self.path / name, content)

    def plan(self) -> dict[str, Any]:
        """Raises RunError where plan.json is missing or damaged."""
        try:
            plan: dict[str, Any] = json.loads((self.path / "plan.json").read_text())
        except (OSError, ValueError) as error:
            raise RunError(f"run {self.id}: {self.path / 'plan.json'} cannot be read: {error}") from None
        return plan

    def lock(self) -> FileLock:
        """Held while state.json is read, judged and written."""
        return FileLock(self.path / ".lock")

    def discard(self) -> None:
        """Remove a run that never began."""
        shutil.rmtree(self.path, ignore_errors=True)

    def files(self) -> list[Path]:
        """What the run produced, relative to its folder, sorted."""
        kept = [p for part in ("outputs", "logs") for p in (self.path / part).rglob("*") if p.is_file()]
        return sorted(p.relative_to(self.path) for p in kept)


def list_ids(home: Path) -> list[str]:
    """Ids of all runs, oldest first."""
    try:
        return sorted(entry.name for entry in runs(home).iterdir() if (entry / _STATE).is_file())
    except (FileNotFoundError, NotADirectoryError):
        return []
