"""Engine: plays the compute clusters of a workspace. What it executes is real; the machines are folders of this one.

Its states, reasons and signals are our reading of what the service does, by its documentation and by what people report
of it: that they are so, no test here can show.
"""

import os
import threading
import traceback
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from loopback.execution import Execution, log_name

FINAL = frozenset({"Completed", "Failed", "Canceled"})
PREEMPTED = (
    "AzureMLCompute job failed. PreemptionError: Nodes of this job got pre-empted. "
    "Check if the run has failed or restarted. Reason: Received pre-emption warning signal"
)
_LAST_WORDS = 500


@dataclass(frozen=True)
class Task:
    """A job as the compute has it.

    code      the uploaded folder, of which each node has a copy
    command   for the shell of each rank
    kept      a folder that all nodes see, where the job mounts one
    data      one to read, where the job is told of it by its environment
    room      nodes that the cluster has at most; jobs of a cluster wait their turn
    """

    name: str
    code: Path
    command: str
    nodes: int = 1
    distribution: Literal["mpi", "pytorch"] | None = None
    processes_per_node: int = 1
    environment: dict[str, str] = field(default_factory=dict)
    kept: Path | None = None
    data: Path | None = None
    cluster: str = "cluster"
    room: int = 1


@dataclass(frozen=True)
class Told:
    """state is the service's own word; started and ended are UTC, ISO 8601."""

    state: str = "NotStarted"
    reason: str = ""
    exit_code: int | None = None
    started: str | None = None
    ended: str | None = None


class _Job:
    def __init__(self, task: Task, folder: Path) -> None:
        self.task, self.folder = task, folder
        self.told = Told()
        self.canceled = False
        # Of the attempt that runs now: the words for its end, or that it is to begin anew.
        self.evicted: Literal["", "fails", "again"] = ""
        self.executions: list[Execution] = []
        self.thread: threading.Thread | None = None


class Engine:
    """python is the interpreter that the jobs' machines have, and image what is in their environment besides."""

    def __init__(self, folder: Path, python: Path, image: dict[str, str] | None = None) -> None:
        self._folder, self._python, self._image = folder, python, image or {}
        self._jobs: dict[str, _Job] = {}
        # In the order of their submission, those that hold their nodes too.
        self._clusters: dict[str, list[_Job]] = {}
        self._changed = threading.Condition()
        self._closed = False

    def start(self, task: Task) -> None:
        """At once; of a name that is known already, nothing happens."""
        with self._changed:
            if task.name in self._jobs or self._closed:
                return
            job = self._jobs[task.name] = _Job(task, self._folder / task.name)
            self._clusters.setdefault(task.cluster, []).append(job)
            job.thread = threading.Thread(target=self._carry_through, args=(job,), daemon=True)
            job.thread.start()

    def status(self, name: str) -> Told:
        """Raises KeyError where there is no such job."""
        with self._changed:
            job = self._jobs[name]
            if job.told.state == "Queued":
                return Told("Queued", self._why_it_waits(job))
            asked = job.canceled and job.told.state not in FINAL
            return Told("CancelRequested", started=job.told.started) if asked else job.told

    def files(self, name: str) -> dict[str, Path]:
        """Its history so far. Each file is whole, but logs, which grow."""
        with self._changed:
            job = self._jobs[name]
            executions = list(job.executions)
        found: dict[str, Path] = {}
        for execution in executions:
            found |= execution.files()
        logs = job.folder / "user_logs"
        return found | {f"user_logs/{path.name}": path for path in logs.glob("*.txt")}

    def cancel(self, name: str) -> None:
        """Returns at once. Harmless where it is over."""
        with self._changed:
            job = self._jobs[name]
            if job.told.state in FINAL:
                return
            job.canceled = True
            for execution in job.executions[-1:]:
                execution.ask()
            self._changed.notify_all()

    def evict(self, name: str, requeue: bool = False) -> None:
        """Its machines go away, without a word. It fails of that; or it is queued again, for other machines."""
        with self._changed:
            job = self._jobs[name]
            if job.told.state not in ("Starting", "Running", "Finalizing"):
                return
            job.evicted = "again" if requeue else "fails"
            execution = job.executions[-1]
        execution.kill()

    def close(self) -> None:
        """Nothing of what it started is left."""
        with self._changed:
            self._closed = True
            jobs = list(self._jobs.values())
            executions = [execution for job in jobs for execution in job.executions]
            self._changed.notify_all()
        for execution in executions:
            execution.kill()
        for job in jobs:
            if job.thread:
                job.thread.join()

    def _carry_through(self, job: _Job) -> None:
        while True:
            code, broken = None, ""
            try:
                execution = self._begin(job)
                code = self._execute(job, execution) if execution else None
            except Exception:  # noqa: BLE001 -- whoever waits for the job shall see it
                broken = traceback.format_exc()
            with self._changed:
                self._clusters[job.task.cluster].remove(job)
                self._changed.notify_all()
                if job.evicted != "again" or job.canceled or self._closed:
                    job.told = Told("Failed", broken, ended=_now()) if broken else self._ending(job, code)
                    return
                job.evicted = ""
                self._clusters[job.task.cluster].append(job)

    def _begin(self, job: _Job) -> Execution | None:
        """On nodes of its own; None where it was canceled before it had them."""
        with self._changed:
            job.told = Told("Queued")
            while not (self._closed or job.canceled or self._has_room(job)):
                self._changed.wait()
            if self._closed or job.canceled:
                return None
            job.told = Told("Preparing")
            attempt = len(job.executions)
        execution = Execution(job.folder / f"attempt-{attempt}", job.task.code, job.task.nodes)
        with self._changed:
            job.told = Told("Starting")
            job.executions.append(execution)
            if self._closed or job.canceled:
                return None
        return execution

    def _execute(self, job: _Job, execution: Execution) -> tuple[int, int]:
        """The rank that failed first, and its exit status."""
        task, logs = job.task, job.folder / "user_logs"
        logs.mkdir(exist_ok=True)
        execution.start(
            task.command, self._environment(task), task.distribution, task.nodes, task.processes_per_node, logs
        )
        with self._changed:
            job.told = Told("Running", started=_now())
        code = execution.wait()
        with self._changed:
            job.told = Told("Finalizing", started=job.told.started)
        return code

    def _ending(self, job: _Job, code: tuple[int, int] | None) -> Told:
        started = job.told.started
        if job.canceled or code is None:
            return Told("Canceled", exit_code=code[1] if code else None, started=started, ended=_now())
        if job.evicted or self._closed:
            return Told("Failed", PREEMPTED, started=started, ended=_now())
        rank, status = code
        if status == 0:
            return Told("Completed", exit_code=0, started=started, ended=_now())
        return Told("Failed", _failure(job, rank, status), status, started, _now())

    def _environment(self, task: Task) -> dict[str, str]:
        path = f"{self._python.parent}:{os.defpath}"
        told = {"PATH": path, **self._image, "AZUREML_RUN_ID": task.name, **task.environment}
        if task.kept is not None and task.kept.is_dir():
            told |= {"AZURE_ML_OUTPUT_kept": str(task.kept), "AZUREML_DATAREFERENCE_kept": str(task.kept)}
        if task.data is not None and task.data.is_dir():
            told["AZUREML_DATAREFERENCE_data"] = str(task.data)
        return told

    def _before(self, job: _Job) -> list[_Job]:
        line = self._clusters[job.task.cluster]
        return line[: line.index(job)]

    def _has_room(self, job: _Job) -> bool:
        return sum(one.task.nodes for one in self._before(job)) + job.task.nodes <= job.task.room

    def _why_it_waits(self, job: _Job) -> str:
        taken = sum(one.task.nodes for one in self._before(job))
        cluster, room = job.task.cluster, job.task.room
        return f"waits for {job.task.nodes} of the {room} nodes of {cluster}: {taken} are wanted by jobs before it"


def _failure(job: _Job, rank: int, status: int) -> str:
    name = log_name(rank, several=job.task.nodes * job.task.processes_per_node > 1)
    said = (job.folder / "user_logs" / name).read_text(errors="replace")[-_LAST_WORDS:]
    return (
        f"Execution failed. User process '/bin/bash' exited with status code {status}. "
        f"Please check log file 'user_logs/{name}' for error details. Error: {said.strip()}"
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
