"""Nested values by dotted keys."""

from collections.abc import Mapping
from typing import Any


def flat(told: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`{"a": {"b": 1}}` as `{"a.b": 1}`; an empty table is nothing."""
    found: dict[str, Any] = {}
    for key, value in told.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return found
