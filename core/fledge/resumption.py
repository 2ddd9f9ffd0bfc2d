"""Submitting a run that has ended once more, so that it goes on where it was left: by a person's wish, or by itself."""

import json
from dataclasses import replace
from typing import Any, Literal

from fledge.discovery.catalog import Catalog
from fledge.errors import RunError, SpecError
from fledge.interfaces.backend import ComputeBackend, Request
from fledge.interfaces.job import Job, Resources
from fledge.interfaces.state import RunState
from fledge.interrupts import interrupts_held
from fledge.plan.lineage import FILE as LINEAGE_FILE
from fledge.plan.make import SPEC_FILE, job_spec, to_toml
from fledge.runs.history import History
from fledge.runs.journal import Journal
from fledge.runs.observe import observe
from fledge.runs.record import RunRecord
from fledge.runs.run_directory import RunDirectory
from fledge.runs.source import kept
from fledge.runs.state_machine import RESUMABLE, Actor, advance
from fledge.spec.load import load

Cause = Literal["person", "retry"]


def look(run: RunDirectory, backend: ComputeBackend) -> RunRecord:
    """Observe a run; one that was lost or preempted and has retries left is resumed by whoever sees that first."""
    record = observe(run, backend)
    left = retries_left(run, record)
    if not left:
        return record
    try:
        return resume(run, backend, "retry", retries=left - 1)
    except (RunError, OSError):
        # Another command was quicker, or there is no writing here.
        return run.record()


def may_be_retried(record: RunRecord) -> bool:
    """Whether it ended in a way that retries are for."""
    passing = record.state is RunState.FAILED and record.transient
    return passing or record.state in (RunState.PREEMPTED, RunState.LOST)


def retries_left(run: RunDirectory, record: RunRecord) -> int:
    """How often the run may yet be resumed without being asked; 0 where it did not end that way."""
    if not may_be_retried(record):
        return 0
    told: int = run.plan()["spec"].get("training", {}).get("retries", 0)
    return max(0, told - History.read(run.path).retries_used) if told else 0


def give_up(run: RunDirectory) -> RunRecord:
    """Have a run that ended, and would be resumed by whoever looks next, be canceled instead."""
    with run.lock() as locked:
        record = run.record()
        if not locked or not retries_left(run, record):
            return record
        state = advance(record.state, RunState.CANCELED, Actor.CANCEL)
        record = replace(record, state=state, error="canceled on request", transient=False)
        run.save(record)
        return record


def cancel(run: RunDirectory, backend: ComputeBackend) -> RunRecord:
    """Stop the run, and have it stay stopped; returns when all that it had started is gone. Idempotent."""
    record = observe(run, backend)
    if record.ref and not record.state.is_final:
        backend.cancel(record.ref)
        record = observe(run, backend)
    return give_up(run) if record.state.is_final else record


def resume(
    run: RunDirectory,
    backend: ComputeBackend,
    by: Cause,
    *,
    retries: int | None = None,
    relaunched: dict[str, Any] | None = None,
) -> RunRecord:
    """Submit the run once more, as it was planned; a person's wish begins a new count of retries.

    relaunched: its plan with another launcher section, which is the run's from then on.

    Raises RunError for a run that has not ended, or is completed, or whose files are not what they were.
    """
    plan = run.plan()
    with run.lock() as locked:
        record = run.record()
        if not locked:
            raise RunError(f"run {run.id} cannot be resumed: {run.path} may not be written to")
        if by == "retry" and not may_be_retried(record):
            raise RunError(f"run {run.id} is {record.state}, and another command was quicker")
        _check(run, record, plan)
        request = _request(run, relaunched or plan, retries)
        if relaunched:
            request = backend.plan(request.job)
            run.write("spec.toml", to_toml(relaunched["spec"]))
            run.write("plan.json", json.dumps({**relaunched, "request": request.body}, indent=1))
        again = replace(
            record,
            state=RunState.QUEUED,
            ended=None,
            error=None,
            transient=False,
            # One that its backend never had is not a second one.
            submission=record.submission + (record.ref is not None),
            begins=History.read(run.path).begins,
            pending=True,
        )
        with interrupts_held() as interrupted:
            try:
                run.save(again)
                journal = Journal(run.path)
                journal.write("resumed", by=by)
                journal.close()
                ref = backend.submit(request, again.key, record.ref)
            except BaseException:
                run.save(record)
                raise
            again = replace(again, ref=ref, pending=False)
            run.save(again)
    if interrupted:
        backend.cancel(ref)
        raise KeyboardInterrupt
    return again


def changed_plugins(run: RunDirectory, catalog: Catalog) -> list[str]:
    """The plugins of the run that are not installed as they were, in words."""
    installed = [one.plugin for one in catalog.loaded]
    then: dict[str, str] = run.plan()["plugins"]
    changed = []
    for name, told in then.items():
        now = [f"{plugin.distribution} {plugin.version}" for plugin in installed if plugin.name == name]
        if told not in now:
            changed.append(f"{told} is now {' and '.join(now) or 'not installed'}")
    return changed


def _check(run: RunDirectory, record: RunRecord, plan: dict[str, Any]) -> None:
    if record.run != run.id:
        raise RunError(
            f"{run.path} is a copy of run {record.run}, and two folders cannot be one run",
            hint=f"fledge runs resume {record.run}; or train it anew: fledge run {run.path / 'spec.toml'}",
        )
    if record.state not in RESUMABLE:
        ended = record.state.is_final
        raise RunError(
            f"run {run.id} is {record.state}: there is nothing to resume",
            hint=f"to train longer, start a new run: fledge run {run.path / 'spec.toml'} --set training.epochs=N"
            if ended
            else f"fledge runs logs {run.id} --follow",
        )
    spec = run.path / "spec.toml"
    if not spec.exists():
        run.write("spec.toml", to_toml(plan["spec"]))
    try:
        # Where a resume with another launcher was cut off, the file tells of that one.
        edited = {**load(spec).to_dict(), "launcher": None} != {**plan["spec"], "launcher": None}
    except SpecError:
        edited = True
    if edited:
        raise RunError(
            f"{spec} was changed since the run was submitted, and a resumed run keeps its spec",
            hint=f"remove the file to resume as it was; or train what it says now, as a new run: fledge run {spec}",
        )


def _request(run: RunDirectory, plan: dict[str, Any], retries: int | None) -> Request:
    """What was submitted at first, with the snapshot that the run has kept."""
    retries = plan["job"]["retries"] if retries is None else retries
    return Request(body={**plan["request"], "retries": retries}, job=replace(job_of(run, plan), retries=retries))


def job_of(run: RunDirectory, plan: dict[str, Any]) -> Job:
    """The job of a plan that was written down, with the source that its run has kept."""
    told = plan["job"]
    source = kept(run.path, told["snapshot"]["files"], told["snapshot"]["left_out"])
    return Job(
        name=told["name"],
        argv=tuple(told["argv"]),
        snapshot=source,
        files={SPEC_FILE: job_spec(plan["spec"], source), LINEAGE_FILE: json.dumps(plan.get("lineage", {}))},
        requirements=tuple(told["requirements"]),
        environment=told["environment"],
        resources=Resources(told["processes"], told["nodes"], told.get("min_processes")),
        launcher=told["launcher"],
        retries=told["retries"],
        rank=tuple(told.get("rank", ())),
    )
