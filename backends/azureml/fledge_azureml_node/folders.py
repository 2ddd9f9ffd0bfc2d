"""Folders: where things are on a node, below the uploaded code."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Folders:
    """The folder in which the service executes the job's command; the ranks of a node share it."""

    code: Path

    @property
    def snapshot(self) -> Path:
        """The job's files as they were uploaded."""
        return self.code / "snapshot"

    @property
    def own(self) -> Path:
        """What the node program was sent, and what it leaves for its other processes here."""
        return self.code / ".fledge-azureml"

    @property
    def wheels(self) -> Path:
        return self.own / "wheels"

    @property
    def site(self) -> Path:
        """What the wheels hold: first on the job's PYTHONPATH."""
        return self.own / "site"

    @property
    def work(self) -> Path:
        """The job's working folder."""
        return self.code / "work"

    @property
    def run(self) -> Path:
        """FLEDGE_RUN_DIR."""
        return self.code / ".run"

    @property
    def history(self) -> Path:
        """What is in here the service uploads while the job runs."""
        return self.code / "outputs"
