"""The extensions a run asked for, told of its life."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fledge.discovery.catalog import Catalog
from fledge.hooks import new_manager
from fledge.interfaces.run import RunInfo
from fledge.runs.notice import Stopped
from fledge.spec.run_spec import RunSpec


@contextmanager
def lifecycle(spec: RunSpec, catalog: Catalog, run: RunInfo, companions: Mapping[str, object]) -> Iterator[Any]:
    """A context that begins with `run_started` and ends with `run_ended`; within, the hooks to call.

    `companions` are told as the extensions are.

    Whatever an extension raises fails the run, and never hides what had failed it before.
    """
    manager = new_manager()
    for name, told in spec.extensions.items():
        options = catalog.options("extension", name, told)
        manager.register(catalog.implementation("extension", name)(options), name=name)
    for name, companion in companions.items():
        manager.register(companion, name=name)
    manager.hook.run_started(run=run)
    try:
        yield manager.hook
    except BaseException as error:
        try:
            manager.hook.run_ended(run=run, state=str(error.state) if isinstance(error, Stopped) else "FAILED")
        except Exception as late:  # noqa: BLE001 -- a stranger's hook
            error.add_note(f"an extension failed too, when it was told: {late}")
        raise
    manager.hook.run_ended(run=run, state="COMPLETED")
