"""Progress: how long work that has no journal of its own says how far it is."""

from typing import Protocol


class Progress(Protocol):
    """Called as often as the work likes; whoever listens thins it out.

    `what` names the activity ("downloading fowl_data.zip"), `done` and `total` count in `unit`s;
    `total` is None while unknown.
    """

    def __call__(self, what: str, done: int, total: int | None, unit: str = "files") -> None: ...


def no_progress(what: str, done: int, total: int | None, unit: str = "files") -> None:
    """For callers that do not care."""
