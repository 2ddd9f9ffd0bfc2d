"""fledge as whoever submits has it: a process in an SDK's environment, in a folder that names the workspace."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from installed import PYTHON, ROOT
from loopback.program import WORKSPACE_CONFIG, Loopback

from tests.commands import Commands, by_itself


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Standard output as JSON objects; fails on anything else there."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Client:
    """Calls fledge; `environment` may be changed."""

    python: Path
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    commands: Commands | None = None

    def __call__(self, *words: str | Path, status: int | None = 0) -> Said:
        told = [*map(str, words)], self.folder, self.environment
        done = (self.commands and self.commands.run(*told)) or by_itself(*told, self.python)
        assert status is None or done.status == status, f"{done.status}\n{done.out}\n{done.err}"
        assert "Traceback" not in done.err, done.err
        return Said(done.status, done.out, done.err)

    def bring(self, site: Path, *members: str) -> None:
        """Have these distributions of the tree as well, whose packages go to the folder `site`."""
        words = ["install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
        places = [ROOT / member for member in members]
        subprocess.run([PYTHON, "-m", "pip", *words, "--target", site, *places], check=True)
        path = [str(site), self.environment.get("PYTHONPATH")]
        self.environment["PYTHONPATH"] = os.pathsep.join(filter(None, path))

    def trainer(self, site: Path) -> "Client":
        """The same person in the project's own environment, where torch is, with the tests' own data and network."""
        made = Client(PYTHON, self.folder, self.environment | {"PYTHONPATH": ""})
        made.bring(site, "tests/sample_plugin")
        return made

    def write(self, name: str, content: str) -> Path:
        (self.folder / name).write_text(content)
        return self.folder / name


Submits = Callable[[str, Path], Client]


def submitters(azure: Loopback, folder: Path) -> dict[str, str]:
    """The environment of one whose home the folder is."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FLEDGE_", "PYTEST_"))}
    homes = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config"), "XDG_CACHE_HOME": str(folder / "cache")}
    return azure.environment(kept | homes)


def client(python: Path, folder: Path, azure: Loopback, commands: Commands | None = None) -> Client:
    """In an empty folder but for config.json, with nobody's settings, and Azure where the loopback is."""
    folder.mkdir()
    made = Client(python, folder, submitters(azure, folder), commands)
    made.write("config.json", json.dumps(WORKSPACE_CONFIG))
    return made
