"""Lineage: where a run comes from, as far as its spec and its source do not say."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fledge.plan.git import Git, git_diff, git_state
from fledge.spec.run_spec import RunSpec

FILE = ".fledge-lineage.json"


@dataclass(frozen=True)
class Lineage:
    """It travels with the job, whose worker writes it into the journal.

    folder     whose git is told of: a script's source, or where the command was given
    spec_file  what was read, where there was a file
    overrides  what the command line laid over it
    """

    folder: Path
    git: Git | None
    spec_file: str | None
    overrides: dict[str, Any]

    @classmethod
    def of(cls, spec: RunSpec) -> "Lineage":
        """Of a settled spec."""
        folder = spec.script.source if spec.script and spec.script.source else Path.cwd()
        return cls(folder, git_state(folder), spec.file, dict(spec.overrides))

    def diff(self) -> str:
        """What the source has that its commit has not; empty where it has all."""
        return git_diff(self.folder) if self.git and self.git.dirty else ""

    def to_json(self) -> str:
        told = {"git": self.git and asdict(self.git), "spec_file": self.spec_file, "overrides": self.overrides}
        return json.dumps(told, default=str)
