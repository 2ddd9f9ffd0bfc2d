"""FinishedRun: a run that a test waited for, and what it came to."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fledge.discovery.discover import discover
from fledge.plan.make import make_plan
from fledge.resumption import look
from fledge.runs.history import History
from fledge.spec.load import load
from fledge.submission import backend_for, submit


@dataclass(frozen=True)
class FinishedRun:
    """state as `fledge runs show` has it; metrics the last of each; outputs the folder of the files it made."""

    run: str
    state: str
    metrics: Mapping[str, Any]
    weights_sha256: str | None
    error: str | None
    outputs: Path
    log: str


def run_to_end(spec: Mapping[str, Any] | Path, home: Path, overrides: Sequence[tuple[str, Any]]) -> FinishedRun:
    """Do what `fledge run` does with the spec, keys of `overrides` laid over it. Raises what that would say."""
    # Copied, because keys are laid over what is inside.
    words = list(overrides) if isinstance(spec, Path) else [*deepcopy(dict(spec)).items(), *overrides]
    catalog = discover()
    plan = make_plan(load(spec if isinstance(spec, Path) else None, words), catalog, home)
    run = submit(plan, catalog, home)
    backend = backend_for(run, catalog, home)
    while True:
        reference = run.record().ref
        assert reference is not None
        log = b"".join(chunk.data for chunk in backend.logs(reference, follow=True))
        record = look(run, backend)
        if record.state.is_final:
            break
    backend.fetch(reference, "outputs/**/*", run.path)
    history = History.read(run.path)
    return FinishedRun(
        run.id,
        str(record.state),
        history.metrics,
        history.weights_sha256,
        record.error,
        run.outputs,
        log.decode(errors="replace"),
    )
