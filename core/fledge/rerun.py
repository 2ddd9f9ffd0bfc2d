"""A run once more: its own spec and the source that it has kept, whatever has become of either since."""

import json
from dataclasses import replace
from pathlib import Path

from fledge.discovery.catalog import Catalog
from fledge.errors import RunError
from fledge.plan.lineage import FILE, Lineage
from fledge.plan.plan import Plan
from fledge.resumption import job_of
from fledge.runs.run_directory import DIFF, RunDirectory
from fledge.spec.load import parse
from fledge.submission import backend_for


def plan_again(run: RunDirectory, catalog: Catalog, home: Path) -> Plan:
    """What `make_plan` made of its spec when it was submitted, for the plugins that are installed now.

    Raises RunError where a plugin or some of the source is missing.
    """
    told = run.plan()
    spec = parse(told["spec"], where=str(run.path / "plan.json"))
    installed = {one.plugin.name: one.plugin for one in catalog.loaded}
    missing = [told["plugins"][name] for name in told["plugins"] if name not in installed]
    if missing:
        remedy = f"install {missing[0].split()[0]} again, from where it came"
        raise RunError(f"run {run.id} needs {', '.join(missing)}, not installed here", hint=remedy)
    patch = run.path / DIFF
    lineage = Lineage.again(run.id, told.get("lineage", {}), patch.read_text() if patch.exists() else "")
    job = job_of(run, told)
    job = replace(job, files={**job.files, FILE: json.dumps(lineage.to_dict())})
    request = backend_for(run, catalog, home).plan(job)
    return Plan(spec, request.job, request, tuple(installed[name] for name in told["plugins"]), lineage)
