"""Nested values as a table in Markdown."""

import json
from collections.abc import Iterator, Mapping
from typing import Any


def table(values: Mapping[str, Any]) -> str:
    """A line for each value, by its dotted name."""
    lines = [f"| {_cell(name)} | {_cell(value)} |" for name, value in _flat(values, "")]
    return "\n".join(["| name | value |", "| --- | --- |", *lines])


def _flat(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "<br>")
