"""Adoption: a trial that a service has begun becomes an ordinary run here."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fledge.errors import RunError, SpecError
from fledge.interfaces.backend import ComputeBackend
from fledge.interfaces.search import Domain, Value, written
from fledge.interfaces.state import RunState
from fledge.interfaces.sweeper import NativeTrial
from fledge.plan.make import assignment, to_toml
from fledge.resumption import job_of
from fledge.runs.journal import now
from fledge.runs.record import RunRecord
from fledge.runs.run_directory import DIFF, RunDirectory
from fledge.runs.source import keep
from fledge.spec.varied import spec_with
from fledge.sweeping.definition import Definition
from fledge.sweeping.sent import Sent


def values_of(one: NativeTrial, space: Mapping[str, Domain]) -> dict[str, Value]:
    """Raises RunError for a word that is no value of its key."""
    try:
        return {key: domain.meant(one.values[key]) for key, domain in space.items()}
    except (KeyError, ValueError) as error:
        raise RunError(f"trial {one.number} there has a value that no trial of this sweep has: {error}") from None


def adopt(one: NativeTrial, run: RunDirectory, definition: Definition, sent: Sent, backend: ComputeBackend) -> None:
    """Write the run's folder as that of one that was submitted with the trial's values, to its backend. Idempotent.

    Resumed, it goes on as an ordinary run from what the trial left.
    """
    # Gone where somebody has deleted it.
    run.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    plan = _plan(sent.plan, values_of(one, definition.space))
    with run.lock():
        job = job_of(RunDirectory(definition.folder), plan)
        job = replace(job, snapshot=keep(job.snapshot, run.path))
        plan["request"] = backend.plan(job).body
        diff = definition.folder / DIFF
        if diff.is_file():
            run.write(DIFF, diff.read_text())
        run.write("spec.toml", to_toml(plan["spec"]))
        run.write("plan.json", json.dumps(plan, indent=1))
        # Last: without it, nothing else of it is looked at.
        run.save(
            RunRecord(
                run=run.id,
                experiment=definition.name,
                workload="script" if "script" in plan["spec"] else "train",
                backend=plan["spec"]["backend"]["name"],
                state=RunState.QUEUED,
                created=now(),
                ref=one.ref,
            )
        )


def _plan(plan: Mapping[str, Any], values: Mapping[str, Value]) -> dict[str, Any]:
    """As it would have been made for these values alone."""
    try:
        spec = spec_with(plan["spec"], values).to_dict()
        filled = dict.fromkeys(map(assignment, values))
    except SpecError:
        # Good alone, and not together: its own log tells of that, and will again where it is resumed.
        spec = plan["spec"]
        filled = {assignment(key): f"{key}={written(value)}" for key, value in values.items()}
    job = dict(plan["job"])
    for which in ("argv", "rank"):
        words = (filled.get(word, word) for word in job[which])
        job[which] = [word for word in words if word is not None]
    return {**plan, "spec": spec, "job": job}
