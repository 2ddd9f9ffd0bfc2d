"""History: what a run's journal comes to, read once from its beginning."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fledge.interfaces.state import RunState
from fledge.runs.journal import Event, events
from fledge.runs.state_machine import Actor, advance


@dataclass
class History:
    """The worker's own account, without its backend's.

    state      by the worker's last word; QUEUED before its first
    spoken     whether that word came since the run was last submitted
    error      what it said went wrong, and whether that may be gone when tried again (transient)
    started    when it first spoke, last_heard when it last did (UTC, ISO 8601)
    begins     how often a worker began
    tries      how often one began since a person last submitted the run; retries, how many submissions since
               then were not a person's
    metrics    the last value of each; a finished model's own figures come last and so win
    artifacts  the files it said it has written: bytes, by the path below the run's folder
    profile    where the last worker's time went, where somebody wanted to know: rows of path, seconds and count
    """

    state: RunState = RunState.QUEUED
    spoken: bool = False
    error: str | None = None
    transient: bool = False
    started: str | None = None
    last_heard: str | None = None
    begins: int = 0
    tries: int = 0
    retries: int = 0
    metrics: dict[str, Any] = field(default_factory=dict)
    weights_sha256: str | None = None
    artifacts: dict[str, int] = field(default_factory=dict)
    profile: list[dict[str, Any]] | None = None

    @classmethod
    def read(cls, folder: Path) -> "History":
        """Of the run in that folder; nothing has happened yet where there is no journal."""
        history = cls()
        for event in events(folder):
            history.hear(event)
        return history

    @property
    def retries_used(self) -> int:
        return max(self.tries - 1, self.retries, 0)

    def wait(self) -> None:
        """It has been submitted once more: what its worker said before is no longer its last word."""
        self.state, self.spoken, self.error, self.transient = RunState.QUEUED, False, None, False

    def hear(self, event: Event) -> None:
        """Take the next event."""
        self.last_heard = event.get("time")
        match event["event"]:
            case "state":
                self._hear_state(event)
            case "resumed":
                self._hear_resumed(event)
            case "metrics":
                self.metrics.update(event["values"])
            case "artifact":
                self.artifacts[event["path"]] = event["size"]
            case "profile":
                self.profile = event["rows"]
            case "trained":
                self.metrics.update(event["metrics"])
                self.weights_sha256 = event["weights_sha256"]

    def _hear_state(self, event: Event) -> None:
        told = RunState(event["state"])
        after = advance(self.state, told, Actor.WORKER)
        if after is not told:
            return
        self.state, self.spoken = after, True
        self.error, self.transient = event.get("error"), bool(event.get("transient"))
        self.started = self.started or event["time"]
        if told is RunState.PREPARING:
            self.begins += 1
            self.tries += 1

    def _hear_resumed(self, event: Event) -> None:
        # Not by the table: the journal holds the worker's words, and LOST is none.
        if self.state is RunState.COMPLETED:
            return
        self.wait()
        if event["by"] == "person":
            self.tries = self.retries = 0
        else:
            self.retries += 1
