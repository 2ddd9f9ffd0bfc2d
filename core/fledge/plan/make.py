"""Makes the plan of a run."""

import json
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import tomli_w

from fledge.discovery.catalog import Catalog
from fledge.discovery.plugin import Plugin
from fledge.interfaces.backend import ComputeBackend
from fledge.interfaces.job import Job, Resources, Snapshot
from fledge.interfaces.search import Choices, Search, placeholder
from fledge.interfaces.sweeper import Sweeper
from fledge.plan.lineage import FILE as LINEAGE_FILE
from fledge.plan.lineage import Lineage
from fledge.plan.plan import Plan
from fledge.plan.resolve import Resolved, resolve
from fledge.plan.snapshot import package, snapshot
from fledge.plan.travelling import as_travelled, taken_along
from fledge.spec.run_spec import LauncherSpec, RunSpec
from fledge.spec.varied import spec_with

SPEC_FILE = ".fledge-spec.toml"
# What each rank executes.
WORKER = ("python", "-P", "-m", "fledge.worker", SPEC_FILE)


def make_plan(spec: RunSpec, catalog: Catalog, home: Path, search: Search | None = None) -> Plan:
    """Settle the spec and work out the job and the backend's request; with a search, those of a sweep that the service
    behind the backend runs, which is a Sweeper then.

    Pure: reads the spec's source folder, the installed plugins and what git says of the folder they are used from;
    no network, nothing of the run started, nothing written. Raises UsageError or DataError.
    """
    resolved = resolve(spec, catalog)
    spec = resolved.spec
    travelling = _travelling(resolved, search, catalog)
    resources = resources_of(spec.launcher)
    launcher = catalog.make("launcher", spec.launcher.name, spec.launcher.options)
    backend = catalog.make("backend", spec.backend.name, spec.backend.options, home)
    lineage = Lineage.of(spec)
    source = _source(resolved, travelling, backend, home)
    worker = (*WORKER, *(assignment(key) for key in search.space)) if search else WORKER
    job = Job(
        name=spec.experiment,
        argv=launcher.command(worker, resources),
        snapshot=source,
        files={SPEC_FILE: job_spec(spec.to_dict(), source), LINEAGE_FILE: json.dumps(lineage.to_dict())},
        requirements=_requirements(travelling),
        environment={"PYTHONUNBUFFERED": "1"},
        resources=resources,
        launcher=spec.launcher.name,
        retries=spec.training.retries if spec.script is None else 0,
        rank=worker,
    )
    if search is None:
        return Plan(spec, job, backend.plan(job), resolved.plugins, lineage)
    assert isinstance(backend, Sweeper)
    plugins = tuple(sorted({*resolved.plugins, *travelling}, key=str))
    return Plan(spec, job, backend.plan_sweep(job, search), plugins, lineage)


def assignment(key: str) -> str:
    """The worker's word for a key whose value is not known yet."""
    return f"{key}={placeholder(key)}"


def resources_of(launcher: LauncherSpec) -> Resources:
    return Resources(launcher.processes, launcher.nodes, launcher.min_processes)


def spec_toml(spec: RunSpec) -> str:
    return to_toml(spec.to_dict())


def job_spec(spec: dict[str, Any], source: Snapshot) -> str:
    """What a job's SPEC_FILE says: what travels with it is named where it is there."""
    return to_toml(as_travelled(spec, (file.target for file in source.files)))


def to_toml(told: dict[str, Any]) -> str:
    return tomli_w.dumps(told)


def _travelling(resolved: Resolved, search: Search | None, catalog: Catalog) -> tuple[Plugin, ...]:
    """With those of each data set and model that trials have by turns."""
    found = set(resolved.travelling)
    for key, domain in search.space.items() if search else ():
        if key.endswith(".name") and isinstance(domain, Choices):
            for value in domain.values:
                found |= {*resolve(spec_with(resolved.spec.to_dict(), {key: value}), catalog).travelling}
    return tuple(sorted(found, key=str))


def _source(resolved: Resolved, plugins: tuple[Plugin, ...], backend: ComputeBackend, home: Path) -> Snapshot:
    script = resolved.spec.script
    if script is not None:
        assert script.source is not None
        return snapshot(script.source, home)
    # A plugin installed from the index is named by its version; one that is being worked on
    # travels, so that an edit made while the run waits or trains does not reach it.
    packages = [package(source, home) for p in plugins if (source := _editable(p))]
    read = () if backend.shares_files else taken_along(resolved.paths)
    return Snapshot((*(file for one in packages for file in one.files), *read))


def _requirements(plugins: tuple[Plugin, ...]) -> tuple[str, ...]:
    versions = {"fledge": distribution("fledge").version, **{p.distribution: p.version for p in plugins}}
    return tuple(f"{name}=={version}" for name, version in sorted(versions.items()))


def _editable(plugin: Plugin) -> Path | None:
    """The package's folder or module's file, where it is installed in place; the core's own never is."""
    if plugin.distribution == "fledge":
        return None
    origin = json.loads(distribution(plugin.distribution).read_text("direct_url.json") or "{}")
    if not origin.get("dir_info", {}).get("editable"):
        return None
    found = find_spec(plugin.package)
    if found is None:
        return None
    if found.submodule_search_locations:
        return Path(found.submodule_search_locations[0])
    return Path(found.origin) if found.origin else None
