"""Whether a run that is killed and resumed ends with the weights of one that is left alone."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fledge.discovery.catalog import Catalog
from fledge.errors import RunError, UsageError
from fledge.interfaces.backend import ComputeBackend
from fledge.interfaces.state import RunState
from fledge.plan.make import make_plan
from fledge.runs.history import History
from fledge.runs.observe import observe
from fledge.runs.run_directory import RunDirectory
from fledge.spec.run_spec import RunSpec
from fledge.submission import backend_of, submit
from fledge.testing.chaos import ChaosBackend
from fledge.testing.faults import Fault, seeded_faults
from fledge.testing.trace import Difference, Steps, first_difference, read_trace

# How many checkpoints a training that says nothing of them gets.
_CHECKPOINTS = 20


@dataclass(frozen=True)
class Verdict:
    """weights_sha256 of the run that was left alone and of the other; difference is the first, where there is one."""

    alone: RunDirectory
    killed: RunDirectory
    faults: tuple[Fault, ...]
    tries: int
    weights_sha256: tuple[str, str]
    difference: Difference | None

    @property
    def equal(self) -> bool:
        return len(set(self.weights_sha256)) == 1


def verify(
    spec: RunSpec, catalog: Catalog, home: Path, *, seed: int, kills: int, say: Callable[[str], None]
) -> Verdict:
    """Train the spec twice on its backend, the second time under `kills` seeded faults.

    Two runs that end alike leave nothing behind; two that do not stay, to be looked into. Raises UsageError for a
    script, RunError where a run does not complete.
    """
    if spec.script is not None:
        raise UsageError("a script's weights are its own, so there is nothing that fledge could compare")
    chosen = spec.backend
    inner = backend_of(chosen.name, chosen.options, catalog, home)
    say("training undisturbed")
    alone = _run(spec, catalog, home, ChaosBackend(inner, seed, trace=True))
    steps = read_trace(alone.path)
    faults = seeded_faults(seed, kills, len(steps))
    say(f"training again, with {', '.join(map(str, faults))}")
    killed = _run(_braced(spec, kills, len(steps)), catalog, home, ChaosBackend(inner, seed, faults=faults, trace=True))
    verdict = _judge(alone, killed, faults, steps)
    if verdict.equal:
        alone.delete()
        killed.delete()
    return verdict


def _braced(spec: RunSpec, kills: int, steps: int) -> RunSpec:
    """The spec with what it takes to come through: a retry a fault, and checkpoints to come back to."""
    every = spec.training.checkpoint_every
    update = {
        "retries": kills,
        "checkpoint_every": every if isinstance(every, int) else max(1, steps // _CHECKPOINTS),
    }
    return spec.model_copy(update={"training": spec.training.model_copy(update=update)})


def _run(spec: RunSpec, catalog: Catalog, home: Path, backend: ComputeBackend) -> RunDirectory:
    run = submit(make_plan(spec, catalog, home), catalog, home, backend)
    reference = run.record().ref
    assert reference is not None
    try:
        for _ in backend.logs(reference, follow=True):
            pass
    except BaseException:
        backend.cancel(reference)
        raise
    record = observe(run, backend)
    if record.state is not RunState.COMPLETED:
        raise RunError(f"run {run.id} ended as {record.state}: {record.error}", hint=f"fledge runs logs {run.id}")
    return run


def _judge(alone: RunDirectory, killed: RunDirectory, faults: tuple[Fault, ...], steps: Steps) -> Verdict:
    histories = [History.read(run.path) for run in (alone, killed)]
    one, other = (str(history.weights_sha256) for history in histories)
    difference = first_difference(steps, read_trace(killed.path)) if one != other else None
    return Verdict(alone, killed, faults, histories[1].tries, (one, other), difference)
