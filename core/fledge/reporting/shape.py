"""Shape: lines of a journal that differ in their numbers alone, which are read without making objects of each.

A script that logs every step writes a million lines of one shape or a few. As JSON each comes to two dictionaries; a
regular expression takes the numbers out of all of them in a third of that time. Whatever it does not know is JSON's.
"""

import json
import re
from array import array
from dataclasses import dataclass
from itertools import islice

from fledge.runs.journal import Event

# As many shapes as scripts have calls of fledge.log in their loops, more or less.
_SHAPES = 4
# Of fewer lines it is not worth looking for their shape.
_FEW = 64
_NUMBER = rb'"?(nan|-?inf|-?[0-9][0-9.eE+-]*)"?'
_CANDIDATE = re.compile(
    rb'(?m)^\{"time": "[^"\\]*", "event": "metrics", "values": \{[^{}]+\}, "(?:step|epoch)": \d+\}$'
)

# The names of the metrics, and the axis.
_Shape = tuple[tuple[str, ...], str]


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
    if lines.count(b"\n") < _FEW:
        return None
    try:
        found, rest = _split(_shapes(lines), lines + b"\n")
    except (ValueError, OverflowError):
        return None
    known = {(column.name, column.axis) for column in found}
    if len(known) < len(found) or b'"state"' in rest or b'"trained"' in rest or not found:
        return None
    return found, rest.rstrip(b"\n")


def clashes(found: list[Column], others: list[Event]) -> bool:
    """Whether a metric of the columns is told by another event, too."""
    names = {column.name for column in found}
    return any(event["event"] == "metrics" and not names.isdisjoint(event["values"]) for event in others)


def _shapes(lines: bytes) -> list[_Shape]:
    """Those of the first lines, no more than a few."""
    found: dict[_Shape, None] = {}
    for line in islice(_CANDIDATE.finditer(lines), _FEW):
        event: Event = json.loads(line[0])
        found.setdefault((tuple(event["values"]), "step" if "step" in event else "epoch"))
    return list(found)[:_SHAPES]


def _split(shapes: list[_Shape], lines: bytes) -> tuple[list[Column], bytes]:
    """The columns of the lines that have one of the shapes, and the other lines."""
    told = b"|".join(map(_pattern, shapes))
    # What is between two such lines, and the numbers of each in turn: in the places of its own shape, None in others'.
    parts = re.split(rb'(?m)^\{"time": "[^"\\]*", "event": "metrics", "values": \{(?:' + told + rb")\}\n", lines)
    width = 1 + sum(len(names) + 1 for names, _ in shapes)
    found, at = [], 1
    for names, axis in shapes:
        xs = array("d", map(int, filter(None, parts[at + len(names) :: width])))
        if not xs:
            raise ValueError("a line does not have its own shape")
        for name in names:
            found.append(Column(name, axis, xs, array("d", map(float, filter(None, parts[at::width])))))
            at += 1
        at += 1
    return found, b"".join(parts[::width])


def _pattern(shape: _Shape) -> bytes:
    names, axis = shape
    numbers = b", ".join(re.escape(json.dumps(name).encode()) + b": " + _NUMBER for name in names)
    return numbers + rb'\}, "%b": (\d+)' % axis.encode()
