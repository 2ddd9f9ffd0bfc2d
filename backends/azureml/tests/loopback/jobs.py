"""Jobs: what was submitted, by either SDK, as it is executed and its history is kept."""

import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from loopback.azurite import Azurite
from loopback.engine import Engine, Task
from loopback.mount import Mount, push

FINAL = ("Completed", "Failed", "Canceled")
# Where the service keeps the histories of runs, and what it calls each.
ARTIFACTS = "azureml"
_PAUSE = 0.2


def artifact(name: str, path: str) -> str:
    """The blob that holds a file of a run's history."""
    return f"ExperimentRun/dcid.{name}/{path}"


@dataclass
class Work:
    """download writes the uploaded files below a folder; kept is a prefix of the container that the run's submissions
    mount, if any does, and data one that this one mounts to read."""

    name: str
    experiment: str
    download: Callable[[Path], None]
    command: str
    cluster: str
    room: int
    nodes: int = 1
    distribution: Literal["mpi", "pytorch"] | None = None
    processes_per_node: int = 1
    environment: dict[str, str] = field(default_factory=dict)
    kept: str | None = None
    data: str | None = None
    container: str = ""


@dataclass
class Job:
    """`told` is whatever the client's side of the control plane wants to say of it again; parent the sweep whose trial
    it is; sweep, whether it is one."""

    work: Work
    told: dict[str, Any]
    parent: str | None = None
    sweep: bool = False
    status: str = "NotStarted"
    reason: str = ""
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat())
    started: str | None = None
    ended: str | None = None
    files: list[str] = field(default_factory=list)
    mount: Mount | None = None


class Jobs:
    def __init__(
        self, folder: Path, engine: Engine, blobs: Azurite, variables: Callable[[str], dict[str, str]]
    ) -> None:
        self._folder, self._engine, self._blobs, self._variables = folder, engine, blobs, variables
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self.closed = threading.Event()

    def start(
        self,
        work: Work,
        told: dict[str, Any],
        carry_through: Callable[[Job], None] | None = None,
        parent: str | None = None,
    ) -> Job | None:
        """None where there is one of that name. Who does not execute itself, but has others do so, is carried through
        by somebody else, who sees by its status that it is to be canceled."""
        with self._lock:
            if work.name in self._jobs:
                return None
            job = self._jobs[work.name] = Job(work, told, parent)
            if carry_through:
                job.sweep, job.status = True, "Running"
        threading.Thread(target=self._watch, args=(job, carry_through or self._execute), daemon=True).start()
        return job

    def get(self, name: str) -> Job | None:
        with self._lock:
            return self._jobs.get(name)

    def all(self) -> list[Job]:
        with self._lock:
            return list(self._jobs.values())

    def cancel(self, job: Job) -> None:
        if job.status not in FINAL:
            job.status = "CancelRequested"
            if job.sweep:
                return
            # What was left for it there before, it finds there when it is told.
            if job.mount:
                job.mount.sync()
            # One whose code is still on its way is canceled once that is there.
            with suppress(KeyError):
                self._engine.cancel(job.work.name)

    def evict(self, name: str, *, requeue: bool = False) -> None:
        self._engine.evict(name, requeue)

    def close(self) -> None:
        self.closed.set()
        self._engine.close()

    def _watch(self, job: Job, carry_through: Callable[[Job], None]) -> None:
        try:
            carry_through(job)
        except Exception:  # noqa: BLE001 -- whatever it is, whoever waits for the job shall know
            if not self.closed.is_set():
                job.reason = f"the loopback itself failed: {traceback.format_exc()}"
                job.status = "Failed"

    def _execute(self, job: Job) -> None:
        work = job.work
        # By the one job that has the name: of many who ask for it at once, all but one are refused.
        code = self._folder / work.name / "code"
        work.download(code)
        folder = self._folder / work.name / "kept"
        mount = job.mount = Mount(self._blobs, work.container, work.kept, folder) if work.kept else None
        # What earlier submissions left is there before it begins.
        if mount:
            mount.sync()
        data = self._folder / work.name / "data"
        if work.data:
            Mount(self._blobs, work.container, work.data, data).pull()
        command = work.command.replace("${{outputs.kept}}", str(folder)).replace("${{inputs.data}}", str(data))
        self._engine.start(
            Task(
                name=work.name,
                code=code,
                command=command,
                nodes=work.nodes,
                distribution=work.distribution,
                processes_per_node=work.processes_per_node,
                environment=self._variables(work.name) | work.environment,
                kept=folder,
                # A command that has its place is how SDK v2 says where it is.
                data=data if command == work.command else None,
                cluster=work.cluster,
                room=work.room,
            )
        )
        if job.status == "CancelRequested":
            self._engine.cancel(work.name)
        stats: dict[str, tuple[int, int]] = {}
        while not self.closed.wait(_PAUSE):
            told = self._engine.status(work.name)
            if mount:
                mount.sync()
            files = self._engine.files(work.name)
            push(files, stats, lambda name, path: self._upload(work.name, name, path))
            job.files = sorted(files)
            job.started, job.reason = told.started, told.reason
            if told.state in FINAL:
                # In this order: whoever sees the state sees all of it.
                job.ended = told.ended
                job.status = told.state
                return
            if job.status != "CancelRequested":
                job.status = told.state

    def _upload(self, run: str, name: str, path: Path) -> None:
        self._blobs.put(ARTIFACTS, artifact(run, name), path.read_bytes())
