"""The words that say what a parameter of a sweep may be: `log:5e-4..5e-3`, `sgd,adamw`."""

import math
import re
from dataclasses import asdict
from typing import Any

from fledge.errors import SpecError
from fledge.interfaces.search import LOG, Choices, Domain, Range, Value
from fledge.spec.load import parse_assignment

_NUMBER = r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"({LOG})?({_NUMBER})\.\.({_NUMBER})")
_EXAMPLES = "a range: training.lr=log:5e-4..5e-3, training.momentum=0.9..0.99; or choices: training.optimizer=sgd,adamw"


def to_dict(domain: Domain) -> dict[str, Any]:
    """JSON values."""
    return asdict(domain)


def from_dict(told: dict[str, Any]) -> Domain:
    return Choices(tuple(told["values"])) if "values" in told else Range(**told)


def parse_parameter(text: str) -> tuple[str, Domain]:
    """`"KEY=LOW..HIGH"`, `"KEY=log:LOW..HIGH"` or `"KEY=a,b,c"` as a key and what it may be. Raises SpecError."""
    key, equals, words = (part.strip() for part in text.partition("="))
    if not equals or not words or not all(part.strip() for part in key.split(".")):
        raise SpecError(f"--param {text}: not of the form KEY=VALUES", hint=_EXAMPLES)
    found = _RANGE.fullmatch(words)
    if found:
        return key, _range(key, words, log=bool(found[1]), low=_number(found[2]), high=_number(found[3]))
    if words.startswith("["):
        raise SpecError(f"--param {key}: {words!r} begins as a list does", hint=f"without brackets: {_EXAMPLES}")
    if words.startswith(LOG):
        raise SpecError(f"--param {key}: {LOG} stands before a range, and {words[len(LOG) :]!r} is none")
    if "," not in words:
        raise SpecError(
            f"--param {key}: {words!r} is neither a range nor choices, and one value is nothing to search",
            hint=f"{_EXAMPLES}; one value for all trials: --set {key}={words}",
        )
    return key, Choices(_choices(key, words))


def _range(key: str, words: str, *, log: bool, low: float, high: float) -> Range:
    if not _is_finite(low) or not _is_finite(high):
        raise SpecError(f"--param {key}: {words} has an end that is no number here")
    if low >= high:
        raise SpecError(f"--param {key}: {words} is empty: the lower end comes first")
    if log and low <= 0:
        raise SpecError(f"--param {key}: a logarithmic range begins above 0, and {words} does not")
    return Range(low, high, log)


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:
        # An int of hundreds of digits.
        return False


def _choices(key: str, words: str) -> tuple[Value, ...]:
    values: list[Value] = []
    for part in (part.strip() for part in words.split(",")):
        if not part:
            raise SpecError(f"--param {key}: {words!r} has an empty choice")
        _, value = parse_assignment(f"{key}={part}")
        if not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
            raise SpecError(f"--param {key}: {part!r} is no choice: those are numbers, words, true and false")
        if any(type(value) is type(one) and value == one for one in values):
            raise SpecError(f"--param {key}: {part!r} is there twice")
        values.append(value)
    return tuple(values)


def _number(text: str) -> float:
    """An int where it is written as one."""
    return int(text) if text.lstrip("+-").isdigit() else float(text)
