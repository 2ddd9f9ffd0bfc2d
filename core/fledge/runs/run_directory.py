"""RunDirectory: the folder of one run."""

import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from fledge.atomic import write_atomic
from fledge.errors import RunError, UnknownName
from fledge.runs.places import runs
from fledge.runs.record import RunRecord

CHECKPOINTS = "checkpoints"
DIFF = "code.diff"
_STATE = "state.json"
_ID = re.compile(r"(\d{8}-\d{6})-(\d{3})[0-9a-f]{4}")
_EVER = datetime.min.replace(tzinfo=UTC)
_STAMP = "%Y%m%d-%H%M%S"
# How long another fledge command may hold a run before this one goes on without it.
_LOCK_SECONDS = 20.0


class RunDirectory:
    """`runs/<id>/`: what it is and was made of, what happened, and what came of it.

    spec.toml, plan.json, code/, code.diff; state.json, journal.jsonl, log.txt, logs/, trackers/; checkpoints/,
    outputs/.
    """

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
        """A new empty folder with an id that sorts after all that are there, even where the clock was set back."""
        newest = max((_time(name) for name in _names(home)), default=None)
        while True:
            stamp = datetime.now(UTC)
            if newest is not None and stamp <= newest:
                stamp = newest + timedelta(milliseconds=1)
            name = f"{stamp:{_STAMP}}-{stamp.microsecond // 1000:03d}{secrets.token_hex(2)}"
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
        if prefix == "latest":
            for newest in list_ids(home, limit=1):
                return cls(runs(home) / newest)
        matching = [one for one in sorted(_names(home)) if one.startswith(prefix) and _is_run(runs(home) / one)]
        if prefix in matching:
            matching = [prefix]
        if len(matching) == 1:
            return cls(runs(home) / matching[0])
        if matching:
            raise UnknownName("run", prefix, [], hint=f"{len(matching)} runs begin so: {', '.join(matching[:5])}")
        ids = list_ids(home, limit=1)
        newest = f"; the newest is {ids[-1]}" if ids else "; there is none yet"
        raise UnknownName("run", prefix, [], hint=f"looked in {runs(home)}{newest}. `fledge runs list` shows all")

    def record(self) -> RunRecord:
        """Raises RunError where state.json is missing or not one of ours."""
        if not self.path.is_dir():
            raise self._gone()
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

    @contextmanager
    def lock(self) -> Iterator[bool]:
        """Held while state.json is read, judged and written; false where this process may not write there.

        Raises RunError where another command does not let go of it.
        """
        lock = FileLock(self.path / ".lock")
        if not self.path.is_dir():
            # It would be made anew for the lock.
            raise self._gone()
        try:
            lock.acquire(timeout=_LOCK_SECONDS)
        except Timeout:
            raise RunError(
                f"run {self.id} is held by another fledge command, for {_LOCK_SECONDS:g} s by now",
                hint="wait for it, or end it; nothing was changed",
            ) from None
        except OSError:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def discard(self) -> None:
        """Remove a run that never began."""
        shutil.rmtree(self.path, ignore_errors=True)

    def delete(self) -> None:
        """Remove the run: at once from every list, then its files. Raises RunError where it cannot be removed."""
        doomed = self.path.with_name(f".deleted-{self.id}")
        try:
            self.path.rename(doomed)
            for left in self.path.parent.glob(".deleted-*"):
                shutil.rmtree(left)
        except OSError as error:
            raise RunError(f"run {self.id} cannot be removed: {error.filename or doomed}: {error.strerror}") from None

    def _gone(self) -> RunError:
        return RunError(f"run {self.id} is gone: its folder {self.path} was removed")

    def files(self, told: Mapping[str, int]) -> dict[str, int]:
        """What the run produced: bytes, by the path below its folder, sorted.

        told: what its journal says of that, which is all there is here of a run that went elsewhere.
        """
        kept = [p for part in ("outputs", "logs") for p in (self.path / part).rglob("*") if p.is_file()]
        here = {str(path.relative_to(self.path)): path.stat().st_size for path in kept}
        return dict(sorted({**told, **here}.items(), key=lambda file: Path(file[0])))


def list_ids(home: Path, limit: int | None = None) -> list[str]:
    """Ids of the newest runs, oldest first; of all where there is no limit."""
    ids: list[str] = []
    for name in sorted(_names(home), reverse=True):
        if len(ids) == limit:
            break
        # Looked at one by one, so that a page costs the same however many runs there are.
        if _is_run(runs(home) / name):
            ids.append(name)
    return ids[::-1]


def _names(home: Path) -> list[str]:
    try:
        return [name for name in os.listdir(runs(home)) if not name.startswith(".")]  # noqa: PTH208 -- 3x faster
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_run(path: Path) -> bool:
    return (path / _STATE).is_file()


def _time(name: str) -> datetime:
    """When a run's id says it was made; a folder of another name (a copy that somebody made) is older than all."""
    found = _ID.fullmatch(name)
    if found is None:
        return _EVER
    try:
        stamp = datetime.strptime(found[1], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        # A month 13, say.
        return _EVER
    return stamp + timedelta(milliseconds=int(found[2]))
