"""Example: every version a folder that appears in one step."""

import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock
from fledge import ModelVersion, Registry, RegistryError, file_sha256, replaced, write_atomic

from fledge_example.options import ExampleOptions

_RECORD = "version.json"
_CARD = "model.json"


class Example(Registry):
    options: ExampleOptions

    @property
    def root(self) -> Path:
        return self.home / self.options.folder

    def register(self, run: str, folder: Path, name: str, tags: Mapping[str, str]) -> ModelVersion:
        if not (folder / _CARD).is_file():
            raise RegistryError(f"{folder} has no model card {_CARD}")
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        files = {str(path.relative_to(folder)): file_sha256(path) for path in paths}
        mine = self.root / name
        mine.mkdir(parents=True, exist_ok=True)
        # Of many that register at once, one after another.
        with FileLock(mine / ".lock"):
            known = self.versions(name)
            for version in known:
                if (version.run, version.files) == (run, files):
                    return version
            number = 1 + max(self._numbers(name), default=0)
            staging = mine / ".staging"
            shutil.rmtree(staging, ignore_errors=True)
            shutil.copytree(folder, staging / "files")
            created = datetime.now(UTC).isoformat(timespec="seconds")
            told = {"name": name, "version": number, "run": run, "created": created, "files": files, "tags": dict(tags)}
            (staging / _RECORD).write_text(json.dumps(told))
            staging.rename(mine / str(number))
        return self._read(mine / str(number))

    def names(self) -> list[str]:
        return sorted(path.name for path in self.root.glob("*") if self._numbers(path.name))

    def versions(self, name: str) -> list[ModelVersion]:
        return self._look(name)[0]

    def damaged(self, name: str) -> Mapping[int, RegistryError]:
        return self._look(name)[1]

    def fetch(self, name: str, version: int, dest: Path) -> list[Path]:
        source = self.root / name / str(version)
        fetched = []
        for path, expected in self._read(source).files.items():
            target = dest / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with replaced(target) as part:
                try:
                    shutil.copyfile(source / "files" / path, part)
                except FileNotFoundError:
                    raise RegistryError(f"{source / 'files' / path} is missing") from None
                if file_sha256(part) != expected:
                    raise RegistryError(f"{source / 'files' / path} is not the file that was registered")
            fetched.append(target)
        return fetched

    def set_alias(self, name: str, alias: str, version: int) -> None:
        self._read(self.root / name / str(version))
        write_atomic(self.root / name / f"{alias}.alias", str(version))

    def aliases(self, name: str) -> Mapping[str, int]:
        return {path.stem: int(path.read_text()) for path in (self.root / name).glob("*.alias")}

    def _numbers(self, name: str) -> list[int]:
        return sorted(int(path.name) for path in (self.root / name).glob("*") if path.name.isdigit())

    def _look(self, name: str) -> tuple[list[ModelVersion], dict[int, RegistryError]]:
        # One that is damaged hides no other.
        whole, damaged = [], {}
        for number in self._numbers(name):
            try:
                whole.append(self._read(self.root / name / str(number)))
            except RegistryError as error:
                damaged[number] = error
        return whole, damaged

    def _read(self, folder: Path) -> ModelVersion:
        try:
            card = json.loads((folder / "files" / _CARD).read_text())
            return ModelVersion(**json.loads((folder / _RECORD).read_text()), card=card)
        except (OSError, ValueError, TypeError) as error:
            raise RegistryError(f"model version {folder.parent.name}/{folder.name} cannot be read: {error}") from None
