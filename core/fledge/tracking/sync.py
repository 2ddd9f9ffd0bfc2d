"""Sending a tracker, afterwards and by hand, what it has not of a run."""

from dataclasses import dataclass
from typing import Any

from fledge.discovery.catalog import Catalog
from fledge.errors import FledgeError, RunError
from fledge.interfaces.backend import ComputeBackend
from fledge.interfaces.run import RunInfo
from fledge.resumption import look
from fledge.runs.run_directory import RunDirectory
from fledge.tracking.delivery import Delivery
from fledge.tracking.mark import FOLDER

# Another process that sends is likely to be done by then.
_LOCK_SECONDS = 10.0


@dataclass(frozen=True)
class Synced:
    """What a tracker was sent: events, and the state of a run that has ended, where it had not heard that."""

    tracker: str
    events: int
    state: str | None


def sync(run: RunDirectory, backend: ComputeBackend, name: str, told: dict[str, Any], catalog: Catalog) -> Synced:
    """Exactly what is missing: a second call sends nothing. `told` are the tracker's options.

    Raises RunError where the tracker cannot be told; what it has taken until then is noted.
    """
    record = look(run, backend)
    if record.ref is not None:
        # What was sent from another machine is noted there.
        backend.fetch(record.ref, f"{FOLDER}/*.json", run.path)
        backend.fetch(record.ref, "outputs/**/*", run.path)
    info = RunInfo(run.id, record.experiment, run.plan()["spec"], run.outputs)
    state = str(record.state) if record.state.is_final else None
    # The process of a run that goes on is not done before it.
    patience = _LOCK_SECONDS if state else 0.0
    with Delivery(name, told, catalog, info, run.path, patience) as delivery:
        try:
            delivery.send()
            unheard = state if state != delivery.finished else None
            if unheard:
                delivery.finish(unheard)
        except FledgeError:
            raise
        except Exception as error:
            raise RunError(
                f"tracker {name!r} cannot be told: {type(error).__name__}: {error}",
                hint="what it has is noted: try again when that is mended",
            ) from error
    return Synced(name, delivery.sent, unheard)
