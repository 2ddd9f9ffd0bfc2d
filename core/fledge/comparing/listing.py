"""Which of many runs are told of, and in which order."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from fledge.comparing.condition import Condition, number_of
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
    told = [run for run in found if not _is_nothing(run[key])]
    told.sort(key=lambda run: _order(run[key]), reverse=sort != key)
    return [*told, *(run for run in found if _is_nothing(run[key]))]


def _check(keys: Sequence[str], runs: Sequence[Listed]) -> None:
    for key in dict.fromkeys(keys):
        if runs and not any(key in run.known() for run in runs):
            every = {known for run in runs for known in run.known()}
            raise UsageError(
                f"no run has a {key!r}{did_you_mean(key, every)}",
                hint="what one has is told by: fledge runs show RUN; keys of its spec are written as training.lr",
            )


def _is_nothing(value: Any) -> bool:
    """NaN is more than nothing and less than nothing."""
    number = number_of(value)
    return value is None or (number is not None and math.isnan(number))


def _order(value: Any) -> tuple[bool, Any]:
    """Numbers before words; the journal has words for those that are infinite."""
    number = value if isinstance(value, int | float) else None
    if isinstance(value, str) and value.lower() in ("inf", "-inf", "infinity", "-infinity"):
        number = float(value)
    return number is None, str(value) if number is None else number
