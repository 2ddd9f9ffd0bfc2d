"""Condition: which runs of a list are wanted."""

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fledge.errors import UnknownName, UsageError
from fledge.interfaces.state import RunState

_FORM = re.compile(r"\s*([^\s=<>!~]+)\s*(<=|>=|!=|==|=|<|>|~)\s*(?![=<>!~])(.*?)\s*", re.DOTALL)
_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Condition:
    """`state=COMPLETED`, `training.lr<0.01`, `experiment~bird`: equal, ordered, or holding a piece of text.

    A state may be written in any case.
    """

    key: str
    sign: str
    value: str

    @classmethod
    def parse(cls, text: str) -> "Condition":
        """Raises UsageError."""
        found = _FORM.fullmatch(text)
        if found is None:
            raise UsageError(
                f"--where {text}: not of the form KEY=VALUE",
                hint="for example: --where state=COMPLETED, or --where 'best_val_accuracy>0.9'; "
                "the signs are = != < <= > >= and ~ for a piece of text",
            )
        key, sign, value = found.groups()
        sign = "=" if sign == "==" else sign
        if key == "state":
            value = value.upper()
            # An empty list would be as good as a lie.
            if sign in ("=", "!=") and value not in map(str, RunState):
                raise UnknownName("state", value, map(str, RunState))
        return cls(key, sign, value)

    def holds(self, value: Any) -> bool:
        """What has no such value fulfils no condition but !=. Raises UsageError for a number that is to be more or less
        than a word."""
        if value is None:
            return self.sign == "!="
        number, wanted = number_of(value), number_of(self.value)
        both = number is not None and wanted is not None
        one, other = (number, wanted) if both else (_text(value), _text(self.value, like=value))
        if self.sign in _ORDERED:
            if number is not None and wanted is None:
                raise UsageError(
                    f"--where '{self.key}{self.sign}{self.value}': {self.key} is a number, and {self.value!r} is none",
                    hint="for example 0.9, and not 0,9 or 90%",
                )
            return _ORDERED[self.sign](one, other)
        if self.sign == "~":
            return self.value.lower() in _text(value).lower()
        same = one == other or (number is not None and wanted is not None and math.isnan(number) and math.isnan(wanted))
        return same == (self.sign == "=")


def number_of(value: Any) -> float | None:
    """NaN too; not true and false."""
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def _text(value: Any, *, like: Any = None) -> str:
    return str(value).lower() if isinstance(value, bool) or isinstance(like, bool) else str(value)
