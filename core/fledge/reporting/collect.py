"""Collecting: a run's facts, once its backend has been asked how it stands."""

from fledge.errors import FledgeError
from fledge.interfaces.backend import ComputeBackend
from fledge.interfaces.state import RunState
from fledge.reporting.facts import Facts, gather, last_lines
from fledge.reporting.reading import Reading
from fledge.resumption import look
from fledge.runs.run_directory import RunDirectory

_WENT_WRONG = (RunState.FAILED, RunState.LOST, RunState.PREEMPTED)
# What a run leaves to be looked at is small, and lies beside its models, which are not.
_SMALL_FILES = "outputs/*.json"


def collect(run: RunDirectory, backend: ComputeBackend, reading: Reading) -> Facts:
    """Of a backend that does not answer, what is known here. Raises RunError for a run whose folder is damaged."""
    trouble, log = "", []
    try:
        record = look(run, backend)
        if record.ref:
            backend.fetch(record.ref, _SMALL_FILES, run.path)
        if record.state in _WENT_WRONG:
            log = last_lines(backend, record)
    except (FledgeError, OSError) as error:
        record = run.record()
        trouble = error.message if isinstance(error, FledgeError) else str(error)
    reading.update()
    facts = gather(run, record, reading)
    facts.log = log
    if trouble:
        facts.remarks.append(f"its backend could not be asked, and this is what was known here: {trouble}")
    return facts
