"""Shape: lines of a journal that differ in their numbers alone, which are read without making objects of each.

A script that logs every step writes a million lines of one shape or a few. As JSON each comes to two dictionaries; a
regular expression takes the numbers out of all of them in a third of that time. Whatever it does not know is JSON's.
"""

import json
import re
from array import array
from dataclasses import dataclass

from fledge.runs.journal import Event

# As many shapes as scripts have calls of fledge.log in their loops, more or less.
_SHAPES = 4
# Of fewer lines it is not worth looking for their shape.
_FEW = 64
_NUMBER = rb'"?(nan|-?inf|-?[0-9][0-9.eE+-]*)"?'
_CANDIDATE = re.compile(
    rb'(?m)^\{"time": "[^"\\]*", "event": "metrics", "values": \{[^{}]+\}, "(?:step|epoch)": \d+\}$'
)


@dataclass(frozen=True)
class Column:
    """The numbers of one metric, in the order they were told."""

    name: str
    axis: str
    xs: "array[float]"
    ys: "array[float]"


def columns(lines: bytes) -> tuple[list[Column], bytes] | None:
    """The metrics of these lines that have one of a few shapes, and the other lines.

    None where the order between the two could matter: one of the other lines, or of another shape, has the same
    metric, or says that the run begins anew.
    """
    found: list[Column] = []
    rest = lines + b"\n"
    for _ in range(_SHAPES):
        first = _CANDIDATE.search(rest) if rest.count(b"\n") >= _FEW else None
        if first is None:
            break
        try:
            more, rest = _split(first[0], rest)
        except (ValueError, OverflowError):
            return None
        found += more
    known = {(column.name, column.axis) for column in found}
    if len(known) < len(found) or b'"state"' in rest or b'"trained"' in rest or not found:
        return None
    return found, rest.rstrip(b"\n")


def clashes(found: list[Column], others: list[Event]) -> bool:
    """Whether a metric of the columns is told by another event, too."""
    names = {column.name for column in found}
    return any(event["event"] == "metrics" and not names.isdisjoint(event["values"]) for event in others)


def _split(line: bytes, lines: bytes) -> tuple[list[Column], bytes]:
    """The columns of the lines that have the shape of that one, and the other lines."""
    event: Event = json.loads(line)
    axis = "step" if "step" in event else "epoch"
    names = list(event["values"])
    told = b", ".join(re.escape(json.dumps(name).encode()) + b": " + _NUMBER for name in names)
    shape = (
        rb'(?m)^\{"time": "[^"\\]*", "event": "metrics", "values": \{' + told + rb'\}, "%b": (\d+)\}\n' % axis.encode()
    )
    # What is between two such lines, and of each its numbers, in turn.
    parts = re.split(shape, lines)
    width = len(names) + 2
    xs = array("d", map(int, parts[width - 1 :: width]))
    if not xs:
        raise ValueError("a line does not have its own shape")
    found = [Column(name, axis, xs, array("d", map(float, parts[at::width]))) for at, name in enumerate(names, 1)]
    return found, b"".join(parts[::width])
