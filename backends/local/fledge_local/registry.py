"""LocalRegistry: named, numbered, immutable models in `models/<name>/<version>/` of fledge's home."""

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock
from fledge import ModelVersion, Registry, RegistryError, file_sha256, replaced, write_atomic

_RECORD = "version.json"
_CARD = "model.json"
_LAST = ".last-version"
_ALIAS = ".alias"
_MEND = "bring it back as it was, or register the run again for a new version"


class LocalRegistry(Registry):
    """A version is a folder that appears in one step and is read-only from then on."""

    @property
    def root(self) -> Path:
        return self.home / "models"

    def register(self, run: str, folder: Path, name: str, tags: Mapping[str, str]) -> ModelVersion:
        if not (folder / _CARD).is_file():
            raise RegistryError(
                f"{folder} has no model card {_CARD}", hint="fledge writes one beside every trained model"
            )
        home = self.root / name
        home.mkdir(parents=True, exist_ok=True)
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        files = {str(path.relative_to(folder)): file_sha256(path) for path in paths}
        with FileLock(home / ".lock"):
            numbers = _numbers(home)
            for number in numbers:
                # A damaged version is nobody's double, and no reason not to keep the next one.
                with contextlib.suppress(RegistryError):
                    version = self._read(home / str(number))
                    if version.run == run and version.files == files:
                        return version
            number = 1 + max([_last_given(home), *numbers])
            # Kept apart from the folders, so that a version somebody removed never comes back as another.
            write_atomic(home / _LAST, f"{number}\n")
            record = {
                "name": name,
                "version": number,
                "run": run,
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "files": files,
                "tags": dict(tags),
            }
            self._store(home, number, folder, record)
        return self._read(home / str(number))

    def names(self) -> list[str]:
        if not self.root.is_dir():
            return []
        return sorted(entry.name for entry in self.root.iterdir() if _numbers(entry))

    def versions(self, name: str) -> list[ModelVersion]:
        return self._look(name)[0]

    def damaged(self, name: str) -> Mapping[int, RegistryError]:
        return self._look(name)[1]

    def fetch(self, name: str, version: int, dest: Path) -> list[Path]:
        source = self.root / name / str(version)
        record = self._read(source)
        for path, expected in record.files.items():
            _check(source / path, expected, f"{name} version {version}")
        fetched = []
        for path, expected in record.files.items():
            target = dest / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with replaced(target) as part:
                shutil.copyfile(source / path, part)
                _check(part, expected, f"the copy of {path}")
            fetched.append(target)
        return fetched

    def set_alias(self, name: str, alias: str, version: int) -> None:
        self._read(self.root / name / str(version))
        write_atomic(self.root / name / f"{alias}{_ALIAS}", f"{version}\n")

    def aliases(self, name: str) -> Mapping[str, int]:
        found = {}
        for path in sorted((self.root / name).glob(f"*{_ALIAS}")):
            try:
                found[path.name.removesuffix(_ALIAS)] = int(path.read_text())
            except (OSError, ValueError) as error:
                raise RegistryError(f"{path} cannot be read: {error}", hint="remove it, and promote again") from None
        return found

    def _look(self, name: str) -> tuple[list[ModelVersion], dict[int, RegistryError]]:
        """(the whole versions, what is wrong with the others)."""
        home, whole, damaged = self.root / name, [], {}
        for number in _numbers(home):
            try:
                whole.append(self._read(home / str(number)))
            except RegistryError as error:
                damaged[number] = error
        return whole, damaged

    def _store(self, home: Path, number: int, folder: Path, record: Mapping[str, Any]) -> None:
        staging = home / f".{number}.part"
        shutil.rmtree(staging, ignore_errors=True)
        try:
            shutil.copytree(folder, staging)
            for path, expected in record["files"].items():
                _check(staging / path, expected, f"the copy of {path}")
                (staging / path).chmod(0o444)
            (staging / _RECORD).write_text(json.dumps(record, indent=1))
            (staging / _RECORD).chmod(0o444)
            _sync(staging)
            staging.rename(home / str(number))
            _sync(home)
        except OSError as error:
            shutil.rmtree(staging, ignore_errors=True)
            raise RegistryError(
                f"the model cannot be kept in {home}: {error.strerror or error}",
                hint="make room there, or set FLEDGE_HOME",
            ) from None

    def _read(self, folder: Path) -> ModelVersion:
        try:
            record = json.loads((folder / _RECORD).read_text())
            _check(folder / _CARD, record["files"][_CARD], f"{folder.parent.name} version {folder.name}")
            card = json.loads((folder / _CARD).read_text())
            if (record["name"], str(record["version"])) != (folder.parent.name, folder.name):
                raise ValueError(f"it says that it is {record['name']}/{record['version']}")
            return ModelVersion(**record, card=card)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise RegistryError(
                f"model version {folder.parent.name}/{folder.name} cannot be read: {error}",
                hint=f"restore {folder}, or remove it to forget that version",
            ) from None


def _numbers(home: Path) -> list[int]:
    """The versions there are, whole or not, oldest first."""
    if not home.is_dir():
        return []
    return sorted(int(entry.name) for entry in home.iterdir() if entry.name.isdigit())


def _last_given(home: Path) -> int:
    try:
        return int((home / _LAST).read_text())
    except (OSError, ValueError):
        return 0


def _check(path: Path, expected: str, what: str) -> None:
    try:
        found = file_sha256(path)
    except OSError as error:
        raise RegistryError(f"{what}: {path} cannot be read: {error.strerror}", hint=_MEND) from None
    if found != expected:
        raise RegistryError(
            f"{what}: {path} is not the file that was registered (sha256 {found[:12]}…, registered {expected[:12]}…)",
            hint=_MEND,
        )


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
