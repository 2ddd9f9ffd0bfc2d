"""Which of many runs are told of, and in which order."""

from collections.abc import Iterable, Sequence
from typing import Any

from fledge.comparing.condition import Condition
from fledge.comparing.listed import Listed
from fledge.errors import UsageError, did_you_mean


def chosen(runs: Iterable[Listed], where: Sequence[str], sort: str | None, columns: Sequence[str]) -> Iterable[Listed]:
    """The runs that fulfil every condition, ordered by a key where there is one; those without it come last.

    Raises UsageError for a condition of another form, and for a key, of a column too, that no run has.
    """
    conditions = [Condition.parse(text) for text in where]
    key = sort.removeprefix("-") if sort else None
    keys = [*(one.key for one in conditions), *([key] if key else []), *columns]
    if not keys:
        return runs
    every = list(runs)
    _check(keys, every)
    found = [run for run in every if all(one.holds(run[one.key]) for one in conditions)]
    if key is None:
        return found
    told = [run for run in found if run[key] is not None]
    told.sort(key=lambda run: _order(run[key]), reverse=sort != key)
    return [*told, *(run for run in found if run[key] is None)]


def _check(keys: Sequence[str], runs: Sequence[Listed]) -> None:
    for key in dict.fromkeys(keys):
        if runs and not any(key in run.known() for run in runs):
            every = {known for run in runs for known in run.known()}
            raise UsageError(
                f"no run has a {key!r}{did_you_mean(key, every)}",
                hint="what one has is told by: fledge runs show RUN; keys of its spec are written as training.lr",
            )


def _order(value: Any) -> tuple[bool, Any]:
    """Numbers before words."""
    number = isinstance(value, int | float)
    return not number, value if number else str(value)
