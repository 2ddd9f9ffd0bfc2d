"""What the benches share: the machine in words, whole processes timed, medians, a table, and JSON beside it."""

import json
import os
import platform
import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
PHOTOS = SHARED / "photos" / "hymenoptera"
WEIGHTS = SHARED / "weights" / "resnet18-f37072fd.pth"


@dataclass(frozen=True)
class Finished:
    """A process that ended as it should: seconds by the clock and of the processor, and what it printed."""

    seconds: float
    cpu_seconds: float
    out: str

    @property
    def told(self) -> dict[str, Any]:
        """Its last line, as JSON."""
        told: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return told


def timed(
    command: Sequence[str | Path], *, status: int = 0, folder: Path | None = None, **environment: str
) -> Finished:
    """From before the process is made until it is gone. Raises RuntimeError, with its words, at another exit status."""
    # fledge is installed in place: where Python may keep no bytecode, it alone would be compiled anew every time.
    given = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began, before = time.perf_counter(), _children_cpu_seconds()
    done = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env=given | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds, cpu_seconds = time.perf_counter() - began, _children_cpu_seconds() - before
    if done.returncode != status:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stderr[-3000:]}")
    return Finished(seconds, cpu_seconds, done.stdout)


def _children_cpu_seconds() -> float:
    """Of all processes that were started and waited for, and those that they had waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def machine() -> dict[str, Any]:
    name = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), name)
    return {
        "processor": name,
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def table(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """One line a row, the columns as wide as what is in them."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = [columns, *([_cell(row.get(key, "")) for key in columns] for row in rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(columns))]
    print(f"\n{title}")
    for line in cells:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


@dataclass(frozen=True)
class Goal:
    """One bound: what is measured, what it is, and what it should be at least or at most."""

    what: str
    value: float
    bound: float
    at_least: bool = True

    @property
    def met(self) -> bool:
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def row(self) -> dict[str, Any]:
        sign = ">=" if self.at_least else "<="
        return {
            "goal": self.what,
            "measured": self.value,
            "bound": f"{sign} {self.bound:g}",
            "": "met" if self.met else "MISSED",
        }


def finish(name: str, told: Mapping[str, Any], goals: Sequence[Goal], results: Path) -> int:
    """Print the goals, write everything to `results`/`name`.json; the exit status: 1 where a goal is missed."""
    table("goals", [goal.row() for goal in goals])
    print(f"\n{json.dumps(machine())}")
    results.mkdir(parents=True, exist_ok=True)
    written = {"machine": machine(), **told, "goals": [goal.row() for goal in goals]}
    (results / f"{name}.json").write_text(json.dumps(written, indent=1))
    return 0 if all(goal.met for goal in goals) else 1


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
    return str(value)
