"""Turning a plan into a run: its folder is made, and its backend is handed the request."""

import json
from dataclasses import replace
from pathlib import Path

from fledge.discovery.catalog import Catalog
from fledge.interfaces.backend import ComputeBackend
from fledge.interfaces.progress import Progress, no_progress
from fledge.interfaces.state import RunState
from fledge.interrupts import interrupts_held
from fledge.plan.make import spec_toml
from fledge.plan.plan import Plan
from fledge.runs.journal import now
from fledge.runs.record import RunRecord
from fledge.runs.run_directory import DIFF, RunDirectory
from fledge.runs.source import keep


def submit(
    plan: Plan,
    catalog: Catalog,
    home: Path,
    backend: ComputeBackend | None = None,
    run: RunDirectory | None = None,
    progress: Progress = no_progress,
) -> RunDirectory:
    """Start the run, on the plan's backend or on one that stands in for it and makes a request of its own.

    run: its folder, where somebody had to know its id before there is a run; nothing has been submitted from there.

    Returns once the backend has it. A submit that fails leaves nothing behind.

    An interrupt while files are brought to the backend ends it there. A later one waits until the run can be found
    again, and then cancels it: nothing ever runs that no folder knows of.
    """
    chosen = plan.spec.backend
    if backend is None:
        backend = backend_of(chosen.name, chosen.options, catalog, home)
    else:
        request = backend.plan(plan.job)
        plan = replace(plan, request=request, job=request.job)
    try:
        backend.stage(plan.request, progress)
    except BaseException:
        if run:
            run.discard()
        raise
    run = run or RunDirectory.create(home)
    record = RunRecord(
        run=run.id,
        experiment=plan.spec.experiment,
        workload=plan.spec.workload,
        backend=chosen.name,
        state=RunState.QUEUED,
        created=now(),
        pending=True,
    )
    with interrupts_held() as interrupted:
        try:
            with run.lock():
                run.write("spec.toml", spec_toml(plan.spec))
                run.write("plan.json", json.dumps(plan.to_dict(), indent=1))
                if plan.lineage.diff:
                    run.write(DIFF, plan.lineage.diff)
                job = replace(plan.job, snapshot=keep(plan.job.snapshot, run.path))
                # Before its backend has it: whoever is killed here leaves a run that the next look can judge.
                run.save(record)
                ref = backend.submit(replace(plan.request, job=job), record.key)
                try:
                    run.save(replace(record, ref=ref, pending=False))
                except BaseException:
                    backend.cancel(ref)
                    raise
        except BaseException:
            run.discard()
            raise
    if interrupted:
        backend.cancel(ref)
        raise KeyboardInterrupt
    return run


def backend_for(run: RunDirectory, catalog: Catalog, home: Path) -> ComputeBackend:
    """The backend a run was submitted to, from nothing but the run's folder."""
    told = run.plan()["spec"]["backend"]
    return backend_of(told["name"], {key: value for key, value in told.items() if key != "name"}, catalog, home)


def backend_of(name: str, options: dict[str, object], catalog: Catalog, home: Path) -> ComputeBackend:
    backend: ComputeBackend = catalog.make("backend", name, options, home)
    return backend
