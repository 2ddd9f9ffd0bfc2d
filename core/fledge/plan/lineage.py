"""Lineage: where a run comes from, as far as its spec and its source do not say."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fledge.plan.git import Git, git_diff, git_state
from fledge.spec.run_spec import RunSpec

FILE = ".fledge-lineage.json"


@dataclass(frozen=True)
class Lineage:
    """It travels with the job, whose worker writes it into the journal.

    git        of a script's source, or of the folder where the command was given
    diff       what that folder's repository has and its commit has not, as a patch; empty where it has all
    spec_file  what was read, where there was a file
    overrides  what the command line laid over it
    rerun_of   the run that this is once more
    """

    git: Git | None = None
    diff: str = ""
    spec_file: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    rerun_of: str | None = None

    @classmethod
    def of(cls, spec: RunSpec) -> "Lineage":
        """Of a settled spec."""
        folder = spec.script.source if spec.script and spec.script.source else Path.cwd()
        git = git_state(folder)
        return cls(git, git_diff(folder) if git and git.dirty else "", spec.file, spec.overrides)

    @classmethod
    def again(cls, run: str, told: Mapping[str, Any], diff: str) -> "Lineage":
        """Of a run that is made once more, from what the first was told of."""
        git = Git(**told["git"]) if told.get("git") else None
        return cls(git, diff, told.get("spec_file"), told.get("overrides", {}), rerun_of=run)

    def to_dict(self) -> dict[str, Any]:
        """JSON values, without the patch, which may be long."""
        told = {
            "git": self.git and asdict(self.git),
            "spec_file": self.spec_file,
            "overrides": json.loads(json.dumps(self.overrides, default=str)),
        }
        return told | ({"rerun_of": self.rerun_of} if self.rerun_of else {})
