"""Ray: jobs on a Ray cluster, by nothing but its dashboard's HTTP server."""

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any, ClassVar

from fledge import ComputeBackend, Finding, FledgeError, Job, LogChunk, Progress, Request, RunRef, Status, UsageError
from fledge_ray_cluster.log import PIECE

from fledge_ray.dashboard import Dashboard, UnansweredError
from fledge_ray.options import RayOptions
from fledge_ray.outcome import status
from fledge_ray.package import Package
from fledge_ray.room import Room, told

# What a job has to write a checkpoint before it is killed; Ray then waits for its driver.
GRACE_SECONDS = 10.0
_DRIVER_SECONDS = 40
_OVER = ("SUCCEEDED", "FAILED", "STOPPED")


class Ray(ComputeBackend):
    """A submission is a Ray job of an id made of its key, which the cluster has once, whoever submits it.

    A reference holds that id, the run's, and the run's folder in the cluster's storage (`fledge_ray_cluster.storage`).
    """

    options: RayOptions

    poll_seconds: ClassVar[float] = 0.2
    patience: ClassVar[int] = 4

    def check(self) -> list[Finding]:
        try:
            version, nodes = self._dashboard.version(), self._dashboard.nodes()
        except FledgeError as error:
            # `fledge doctor` asks every backend that is installed, and this one at an address that nobody has named.
            if isinstance(error, UnansweredError) and "address" not in self.options.model_fields_set:
                return [Finding("ok", f"not set up: {error.message}", error.hint or "")]
            return [Finding("warning", error.message, error.hint or "")]
        found = [Finding("ok", f"Ray {version} answers at {self.options.address}, with {told(nodes)}")]
        try:
            Room(1, {"CPU": self.options.cpus, "GPU": self.options.gpus}).check(nodes)
        except UsageError as error:
            found.append(Finding("warning", error.message, error.hint or ""))
        return found

    @property
    def _dashboard(self) -> Dashboard:
        return Dashboard(self.options.address)

    def _plan(self, job: Job) -> dict[str, Any]:
        room = Room.of(job.resources, self.options.cpus, self.options.gpus)
        return {
            "address": self.options.address,
            "argv": list(job.argv),
            "environment": dict(job.environment),
            "retries": job.retries,
            "nodes": room.nodes,
            "bundle": room.bundle,
            "storage": self.options.storage,
        }

    def _submit(self, request: Request, key: str, after: RunRef | None) -> RunRef:
        known = self._find(key, after)
        if known:
            return known
        body, ref = request.body, self._ref(key, after)
        Room(body["nodes"], body["bundle"]).check(self._dashboard.nodes())
        names = ("argv", "environment", "retries", "nodes", "bundle", "storage")
        job = {**{name: body[name] for name in names}, **ref.details, "grace": GRACE_SECONDS}
        package = Package(job, request.job)
        self._dashboard.submit(
            {
                "submission_id": ref.details["submission"],
                "entrypoint": "python -m fledge_ray_cluster.driver",
                "runtime_env": {
                    "working_dir": self._dashboard.upload(package.name, package.content),
                    "env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": str(_DRIVER_SECONDS)},
                },
                "metadata": {"fledge_run": ref.details["id"], "fledge_job": request.job.name},
            }
        )
        return ref

    def _find(self, key: str, after: RunRef | None) -> RunRef | None:
        ref = self._ref(key, after)
        return ref if self._dashboard.job(ref.details["submission"]) is not None else None

    def _ref(self, key: str, after: RunRef | None) -> RunRef:
        # A home's keys are its own, and the cluster is everybody's.
        submission = f"fledge-{key}-{hashlib.sha256(str(self.home).encode()).hexdigest()[:8]}"
        run = {name: after.details[name] for name in ("id", "run")} if after else {"id": key, "run": submission}
        return RunRef("ray", key, {"submission": submission, **run})

    def _status(self, ref: RunRef) -> Status:
        job = self._dashboard.job(ref.details["submission"])
        return status(job, self._told(job, f"{ref.details['run']}/submissions/{ref.details['submission']}.json"))

    def _read_log(self, ref: RunRef, cursor: int) -> LogChunk:
        job = self._dashboard.job(ref.details["submission"])
        number, begin = divmod(cursor, PIECE)
        data = self._read(job, f"{ref.details['run']}/log/{number:06}")[begin:]
        return LogChunk(data, cursor + len(data))

    def _cancel(self, ref: RunRef) -> None:
        # Nobody hears it before Ray has somebody to start the job: then it is asked again.
        while not self._dashboard.stop(ref.details["submission"]):
            job = self._dashboard.job(ref.details["submission"])
            if job is None or job["status"] in _OVER:
                return
            time.sleep(self.poll_seconds)

    def _fetch(self, ref: RunRef, pattern: str, dest: Path, progress: Progress) -> list[Path]:
        if not pattern or pattern.startswith("/") or ".." in Path(pattern).parts:
            raise UsageError(f"{pattern!r} does not name files within a run", hint='for example: "outputs/**/*"')
        job = self._dashboard.job(ref.details["submission"])
        place = self._told(job, f"{ref.details['run']}/place.json")
        if job is None or not place:
            return []
        # What all nodes share can be had when its node is gone.
        node = job["driver_node_id"] if place["shared"] else place["node_id"]
        files = f"{ref.details['run']}/files/"
        names = self._dashboard.names(node, files + pattern)
        fetched = []
        for done, name in enumerate(names):
            progress("downloading", done, len(names))
            fetched.append(self._download(node, name, dest / name.removeprefix(files)))
        return fetched

    def _download(self, node: str, name: str, target: Path) -> Path:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Of this download alone: the same file may be on its way to somebody else here.
        part = target.with_name(f".{target.name}.{os.urandom(4).hex()}.tmp")
        try:
            self._dashboard.save(node, name, part)
            if not _same(part, target):
                part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        return target

    def _told(self, job: dict[str, Any] | None, name: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self._read(job, name) or b"{}")
        return told

    def _read(self, job: dict[str, Any] | None, name: str) -> bytes:
        """A file where the job's driver runs; empty where there is none, or no driver yet."""
        if job is None or not job.get("driver_node_id"):
            return b""
        return self._dashboard.read(job["driver_node_id"], name) or b""


def _same(one: Path, other: Path) -> bool:
    if not other.is_file() or one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as a, other.open("rb") as b:
        return hashlib.file_digest(a, "sha256").digest() == hashlib.file_digest(b, "sha256").digest()
