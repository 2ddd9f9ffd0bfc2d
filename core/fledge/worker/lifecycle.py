"""The extensions a run asked for, told of its life."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fledge.discovery.catalog import Catalog
from fledge.hooks import new_manager
from fledge.interfaces.exporter import Exporter
from fledge.interfaces.run import RunInfo
from fledge.runs.notice import Stopped
from fledge.runs.reporter import Reporter
from fledge.spec.run_spec import RunSpec
from fledge.worker.exporting import ExportsWhenTrained


@contextmanager
def lifecycle(
    spec: RunSpec, catalog: Catalog, run: RunInfo, report: Reporter, companions: Mapping[str, object]
) -> Iterator[Any]:
    """A context that begins with `run_started` and ends with `run_ended`; within, the hooks to call.

    `companions` are told as the extensions are. Extensions that are exporters export what was trained.

    Whatever an extension raises fails the run, and never hides what had failed it before.
    """
    manager = new_manager()
    for name, told in spec.extensions.items():
        extension = catalog.make("extension", name, told)
        manager.register(extension, name=name)
        if isinstance(extension, Exporter):
            manager.register(ExportsWhenTrained(name, extension, catalog, report))
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
