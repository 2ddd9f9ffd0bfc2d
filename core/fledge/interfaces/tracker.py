"""Tracker: sends what the journal says to a place where people look."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from fledge.interfaces.options import Options
from fledge.interfaces.run import RunInfo


class Tracker(ABC):
    """Lives in a process of its own, which tells it what the run's journal says: it may be slow, and it may raise.

    Neither slows or fails the run. One that has raised is told no more, and another is made that goes on behind what
    was taken; what is unsent at the run's end, `fledge runs sync` sends later. Constructed with its validated options;
    construction is cheap and touches nothing: no file, and no server. A process ends though a server owes it an answer.

    server_option  the option that says where its server is, as a URL; None where it has none
    """

    server_option: ClassVar[str | None] = None

    def __init__(self, options: Options) -> None:
        self.options = options

    @abstractmethod
    def start(self, run: RunInfo) -> None:
        """Called first. A run that is told again (after a resume) is continued, not made a second time.

        Raises UsageError where it can never be told of such a run: a person then reads its hint, and not how to send
        the rest later.
        """

    @abstractmethod
    def record(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Journal events in order; each once, and again where this raised or its process was killed."""

    @abstractmethod
    def artifact(self, path: Path) -> None:
        """A file among the run's outputs is complete."""

    @abstractmethod
    def finish(self, state: str) -> None:
        """Called last, with the run's final state; again, with another, where it went on."""

    def history(self, run: str) -> Mapping[str, Sequence[float]] | None:
        """What whoever looks there sees of a run: each metric's values, in the order they were recorded.

        None where a tracker cannot be asked.
        """
        return None
