"""How tables, plans and JSON look on standard output."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fledge.plan.plan import Plan

_FILES_SHOWN = 20


def print_json(told: dict[str, Any]) -> None:
    print(json.dumps(told, default=str), flush=True)


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns as wide as their widest cell."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[at]) for row in [list(header), *cells]) for at in range(len(header))]
    for row in [list(header), *cells]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_plan(plan: "Plan") -> None:
    """What --dry-run shows."""
    job, snapshot = plan.job, plan.job.snapshot
    print("# the run spec, every option settled")
    print(job.files[".fledge-spec.toml"].strip())
    print("\n# plugins")
    for plugin in plan.plugins:
        print(f"{plugin.name}: {plugin.distribution} {plugin.version}")
    print(f"\n# job {job.name}: {job.resources.processes} process(es) on {job.resources.nodes} node(s), {job.launcher}")
    print("command: " + " ".join(job.argv))
    print(f"snapshot: {len(snapshot.files)} files, {snapshot.size:,} bytes")
    for file in snapshot.files[:_FILES_SHOWN]:
        print(f"  {file.size:>10,}  {file.target}")
    if len(snapshot.files) > _FILES_SHOWN:
        print(f"  and {len(snapshot.files) - _FILES_SHOWN} more")
    for reason, count in snapshot.left_out.items():
        print(f"  left out: {count} by {reason}")
    print(f"\n# request to backend {plan.spec.backend.name}")
    for key, value in plan.request.body.items():
        print(f"{key}: {value}")
    sys.stdout.flush()
