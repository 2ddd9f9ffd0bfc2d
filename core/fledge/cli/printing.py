"""How tables, plans and JSON look on standard output."""

import json
import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fledge.interfaces.backend import Finding
    from fledge.plan.plan import Plan

_SHOWN = 20
# Of a table: the source files of most runs are fewer.
_ROWS = 100
_WIDTH = 100
# What a terminal would obey, and what would end a line or a field.
_CONTROL = {number: repr(chr(number))[1:-1] for number in (*range(32), *range(127, 160))}


def print_json(told: dict[str, Any]) -> None:
    print(json.dumps(told, default=str), flush=True)


def tell_json(told: dict[str, Any]) -> None:
    """As `print_json`, of what goes on whether anybody reads it or not."""
    try:
        print_json(told)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def visible(name: str) -> str:
    """A file's name, which may have anything in it, on one line."""
    return name.translate(_CONTROL)


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns as wide as their widest cell."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[at]) for row in [list(header), *cells]) for at in range(len(header))]
    for row in [list(header), *cells]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_plan(plan: "Plan") -> None:
    """What --dry-run shows."""
    from fledge.plan.make import spec_toml

    job, snapshot = plan.job, plan.job.snapshot
    print("# the run spec, every option settled")
    print(spec_toml(plan.spec).strip())
    print("\n# plugins")
    for plugin in plan.plugins:
        print(f"{plugin.name}: {plugin.distribution} {plugin.version}")
    print(f"\n# job {job.name}: {job.resources.processes} process(es) on {job.resources.nodes} node(s), {job.launcher}")
    print("command: " + " ".join(job.argv))
    print(f"snapshot: {len(snapshot.files)} files, {snapshot.size:,} bytes")
    for file in snapshot.files[:_SHOWN]:
        print(f"  {file.size:>10,}  {file.target}")
    if len(snapshot.files) > _SHOWN:
        print(f"  and {len(snapshot.files) - _SHOWN} more")
    for reason, count in snapshot.left_out.items():
        names = snapshot.left_names.get(reason, ())
        print(f"  left out: {count} by {reason}")
        for name in names:
            print(f"{'':14}{name}")
        if count > len(names):
            print(f"{'':14}and {count - len(names)} more")
    print(f"\n# request to backend {plan.spec.backend.name}")
    for line in nested(plan.request.body):
        print(line)
    sys.stdout.flush()


def print_finding(finding: "Finding", subject: str = "") -> None:
    print(f"{finding.level:<8} {subject}{finding.message}", flush=True)
    if finding.remedy:
        print(f"{'':9}{finding.remedy}", flush=True)


def nested(told: Mapping[str, Any] | Sequence[Any], indent: str = "") -> Iterator[str]:
    """JSON values for people to read: a line each, below a heading where they are in a table or a list of their own;
    a few words as a shell would take them. Of a long list or table, the first."""
    if isinstance(told, Mapping):
        for key, value in list(told.items())[:_ROWS]:
            if _is_simple(value):
                yield f"{indent}{key}: {_simple(value)}"
            else:
                yield f"{indent}{key}:"
                yield from nested(value, indent + "  ")
        if len(told) > _ROWS:
            yield f"{indent}and {len(told) - _ROWS:,} more, which --json shows"
    else:
        for value in told[:_SHOWN]:
            lines = [_simple(value)] if _is_simple(value) else nested(value)
            for number, line in enumerate(lines):
                yield f"{indent}{'  ' if number else '- '}{line}"
        if len(told) > _SHOWN:
            yield f"{indent}and {len(told) - _SHOWN} more, which --json shows"


def _is_simple(value: object) -> bool:
    if isinstance(value, Mapping):
        return not value
    if isinstance(value, list):
        return not any(isinstance(one, Mapping | list) for one in value) and len(_simple(value)) <= _WIDTH
    return True


def _simple(value: object) -> str:
    if isinstance(value, list):
        return shlex.join(map(str, value)) or "none"
    if isinstance(value, str) and "\n" in value:
        # On a line of its own.
        return json.dumps(value)
    return "none" if value is None or value == {} else str(value)
