"""A run's plan with its ranks started in another way: what was planned for one process, say, goes on in four."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fledge.discovery.catalog import Catalog
from fledge.errors import RunError
from fledge.plan.make import WORKER, resources_of
from fledge.plan.resolve import check_shared
from fledge.spec.run_spec import LauncherSpec


def relaunch(plan: Mapping[str, Any], changes: Mapping[str, Any], catalog: Catalog) -> dict[str, Any]:
    """The plan, as JSON values, with `changes` to its spec's launcher section: name, processes and so on.

    Another launcher has its own options' defaults. Raises UsageError for what it cannot start, and RunError for a
    script, which keeps no checkpoint that another number of ranks could go on from.
    """
    spec = plan["spec"]
    if spec.get("script"):
        raise RunError(
            "a script goes on as it was launched: fledge does not know what its ranks have shared",
            hint="start it as a new run: fledge run SPEC --processes N",
        )
    told = {**spec["launcher"], **changes}
    if told["name"] != spec["launcher"]["name"]:
        told = {key: value for key, value in told.items() if key in LauncherSpec.model_fields}
    wanted = LauncherSpec(**told)
    check_shared(spec["training"]["batch_size"], wanted.processes)
    found = catalog.find("launcher", wanted.name)
    options = catalog.options("launcher", wanted.name, wanted.options).model_dump(mode="json", exclude_none=True)
    resources = resources_of(wanted)
    argv = catalog.make("launcher", wanted.name, options).command(WORKER, resources)
    plugin = found.plugin
    job = {
        **plan["job"],
        "argv": list(argv),
        "launcher": wanted.name,
        **asdict(resources),
        "requirements": sorted({*plan["job"]["requirements"], f"{plugin.distribution}=={plugin.version}"}),
    }
    ours = {key: value for key in LauncherSpec.model_fields if (value := getattr(wanted, key)) is not None}
    launcher = {**ours, **options}
    plugins = {**plan["plugins"], plugin.name: f"{plugin.distribution} {plugin.version}"}
    return {**plan, "spec": {**spec, "launcher": launcher}, "plugins": plugins, "job": job}
