"""Makes the plan of a run."""

import json
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import tomli_w

from fledge.discovery.catalog import Catalog
from fledge.discovery.plugin import Plugin
from fledge.interfaces.job import Job, Resources, Snapshot
from fledge.plan.lineage import FILE as LINEAGE_FILE
from fledge.plan.lineage import Lineage
from fledge.plan.plan import Plan
from fledge.plan.resolve import resolve
from fledge.plan.snapshot import package, snapshot
from fledge.spec.run_spec import LauncherSpec, RunSpec

SPEC_FILE = ".fledge-spec.toml"
# What each rank executes.
WORKER = ("python", "-P", "-m", "fledge.worker", SPEC_FILE)


def make_plan(spec: RunSpec, catalog: Catalog, home: Path) -> Plan:
    """Settle the spec and work out the job and the backend's request.

    Pure: reads the spec's source folder and the installed plugins, and nothing else; no network,
    nothing started, nothing written. Raises UsageError or DataError.
    """
    resolved = resolve(spec, catalog)
    spec = resolved.spec
    resources = resources_of(spec.launcher)
    launcher = catalog.make("launcher", spec.launcher.name, spec.launcher.options)
    lineage = Lineage.of(spec)
    job = Job(
        name=spec.experiment,
        argv=launcher.command(WORKER, resources),
        snapshot=_source(spec, resolved.travelling, home),
        files={SPEC_FILE: spec_toml(spec), LINEAGE_FILE: json.dumps(lineage.to_dict())},
        requirements=_requirements(resolved.travelling),
        environment={"PYTHONUNBUFFERED": "1"},
        resources=resources,
        launcher=spec.launcher.name,
        retries=spec.training.retries if spec.script is None else 0,
    )
    backend = catalog.make("backend", spec.backend.name, spec.backend.options, home)
    return Plan(spec, job, backend.plan(job), resolved.plugins, lineage)


def resources_of(launcher: LauncherSpec) -> Resources:
    return Resources(launcher.processes, launcher.nodes, launcher.min_processes)


def spec_toml(spec: RunSpec) -> str:
    return to_toml(spec.to_dict())


def to_toml(told: dict[str, Any]) -> str:
    return tomli_w.dumps(told)


def _source(spec: RunSpec, plugins: tuple[Plugin, ...], home: Path) -> Snapshot:
    if spec.script is not None:
        assert spec.script.source is not None
        return snapshot(spec.script.source, home)
    # A plugin installed from the index is named by its version; one that is being worked on
    # travels, so that an edit made while the run waits or trains does not reach it.
    packages = [package(source, home) for p in plugins if (source := _editable(p))]
    return Snapshot(tuple(file for one in packages for file in one.files))


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
