"""What the journal is told of where a run comes from: what its submitter knew, and what its worker finds around it."""

import json
import os
import platform
from contextlib import suppress
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from fledge.discovery.plugin import name_and_version
from fledge.plan.lineage import FILE


def lineage(job: Path, seed: int) -> dict[str, Any]:
    """The fields of the journal's event, of the job in that folder."""
    told: dict[str, Any] = {"git": None, "spec_file": None, "overrides": {}}
    # Whoever executes a spec by hand has no submitter.
    with suppress(OSError, ValueError):
        told |= json.loads((job / FILE).read_text())
    return {
        **told,
        "seed": seed,
        "python": platform.python_version(),
        "packages": dict(sorted(name_and_version(one) for one in distributions())),
        "hardware": {
            "platform": platform.platform(),
            "processor": _processor(),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        },
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
