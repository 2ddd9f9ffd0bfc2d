"""Condition: which runs of a list are wanted."""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fledge.errors import UnknownName, UsageError
from fledge.interfaces.state import RunState

_FORM = re.compile(r"\s*([^\s=<>!~]+)\s*(<=|>=|!=|=|<|>|~)\s*(.*?)\s*", re.DOTALL)
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
        if key == "state":
            value = value.upper()
            # An empty list would be as good as a lie.
            if sign in ("=", "!=") and value not in map(str, RunState):
                raise UnknownName("state", value, map(str, RunState))
        return cls(key, sign, value)

    def holds(self, value: Any) -> bool:
        """What has no such value fulfils no condition but !=."""
        if value is None:
            return self.sign == "!="
        number, wanted = _number(value), _number(self.value)
        both = number is not None and wanted is not None
        one, other = (number, wanted) if both else (_text(value), self.value)
        if self.sign in _ORDERED:
            return _ORDERED[self.sign](one, other)
        if self.sign == "~":
            return self.value.lower() in _text(value).lower()
        return (one == other) == (self.sign == "=")


def _number(value: Any) -> float | None:
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
