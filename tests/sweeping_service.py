"""A plugin: a backend whose service runs sweeps by itself. Trials are runs of the local backend, in a home of its own.

It draws all points of the space, or what the file `points` says, starts trials whenever it is asked how things stand,
and stops the one that has logged its metric and whose x is the file `lags`. A sweep that is canceled is so once there
is no file `slow`, and none is taken while there is one called `full`.
"""

import itertools
import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from fledge import (
    Choices,
    ComputeBackend,
    Job,
    LogChunk,
    NativeTrial,
    Offer,
    Progress,
    Request,
    RunError,
    RunRef,
    RunState,
    Search,
    Snapshot,
    SourceFile,
    Status,
    Sweeper,
    UsageError,
    hookimpl,
    placeholder,
    written,
)
from fledge_local.backend import Local
from fledge_local.options import LocalOptions


@hookimpl
def fledge_backends() -> list[Offer]:
    return [Offer("service", "service:Service", "fledge_local.options:LocalOptions")]


class Service(ComputeBackend, Sweeper):
    options: LocalOptions

    sweep_tracker: ClassVar[str] = "lines"

    def __init__(self, options: LocalOptions, home: Path) -> None:
        super().__init__(options, home)
        self.inner = Local(options, home / "service")

    def plan_sweep(self, job: Job, search: Search) -> Request:
        if search.trials > 5:
            raise UsageError("the service takes five trials at most")
        for key in search.space:
            if not any(placeholder(key) in word for word in job.argv):
                raise UsageError(f"--param {key}: the command never uses it")
        # As they are from one process to the next.
        space = {key: list(domain.values) for key, domain in search.space.items() if isinstance(domain, Choices)}
        told = {"space": space, "trials": search.trials, "parallel": search.parallel, "metric": search.metric}
        return Request({**self._plan(job), "search": told}, job)

    def submit_sweep(self, request: Request, key: str) -> RunRef:
        if Path("full").exists():
            raise RunError("the service is full")
        folder = self.home / "service" / "sweeps" / key
        folder.mkdir(parents=True, exist_ok=True)
        with (self.home / "service" / "submitted").open("a") as file:
            file.write(key + "\n")
        ref = RunRef("service", key, {"sweep": str(folder)})
        (folder / "request.json").write_text(json.dumps({"body": request.body, "files": dict(request.job.files)}))
        (folder / "code").mkdir(exist_ok=True)
        for source in request.job.snapshot.files:
            (folder / "code" / source.target).write_bytes(source.source.read_bytes())
        return ref

    def trials(self, ref: RunRef) -> list[NativeTrial]:
        return self._patiently(self._trials, ref)

    def _trials(self, ref: RunRef) -> list[NativeTrial]:
        folder = Path(ref.details["sweep"])
        told = json.loads((folder / "request.json").read_text())
        search = told["body"]["search"]
        files = [SourceFile(path, path.name, path.stat().st_size) for path in (folder / "code").iterdir()]
        found: list[NativeTrial] = []
        running = 0
        for number, values in enumerate(_points(search)):
            words = {key: written(value) for key, value in values.items()}
            key = f"{ref.key}_{number}"
            one = self.inner.find(key)
            if one is None:
                if running >= search["parallel"] or (folder / "canceled").exists():
                    continue
                argv = told["body"]["argv"]
                for name, word in words.items():
                    argv = [part.replace(placeholder(name), word) for part in argv]
                job = Job("trial", tuple(argv), Snapshot(tuple(files)), told["files"])
                one = self.inner.submit(Request({**told["body"], "argv": argv}, job), key)
            running += not self.status(one).state.is_final
            found.append(NativeTrial(number, words, one))
            if (folder / "canceled").exists() or self._lags(one, values):
                self._stop(one)
        return found

    def _lags(self, one: RunRef, values: dict[str, Any]) -> bool:
        lags = Path("lags").read_text() if Path("lags").exists() else ""
        journal = Path(one.details["folder"]) / "journal.jsonl"
        return str(values.get("script.args.x")) == lags and journal.exists() and '"score"' in journal.read_text()

    def _stop(self, one: RunRef) -> None:
        # Not as a person would, who leaves a mark for the job.
        stopped = Path(one.details["folder"]) / "stopped"
        if not stopped.exists() and not self.status(one).state.is_final:
            stopped.touch()
            os.kill(one.details["pid"], signal.SIGTERM)

    def _status(self, ref: RunRef) -> Status:
        if "sweep" not in ref.details:
            status = self.inner.status(ref)
            stopped = (Path(ref.details["folder"]) / "stopped").exists()
            return replace(status, state=RunState.CANCELED) if stopped and status.state.is_final else status
        folder = Path(ref.details["sweep"])
        search = json.loads((folder / "request.json").read_text())["body"]["search"]
        found = self._trials(ref)
        canceled = (folder / "canceled").exists()
        if Path("slow").exists() or any(not self.status(one.ref).state.is_final for one in found):
            return Status(RunState.FINALIZING if canceled else RunState.RUNNING)
        if canceled:
            return Status(RunState.CANCELED, "canceled on request")
        return Status(RunState.COMPLETED if len(found) == len(_points(search)) else RunState.RUNNING)

    def _cancel(self, ref: RunRef) -> None:
        if "sweep" not in ref.details:
            self.inner._cancel(ref)
            return
        (Path(ref.details["sweep"]) / "canceled").touch()
        self._trials(ref)

    def _find(self, key: str, after: RunRef | None) -> RunRef | None:
        folder = self.home / "service" / "sweeps" / key
        return RunRef("service", key, {"sweep": str(folder)}) if folder.exists() else self.inner.find(key, after)

    def _plan(self, job: Job) -> dict[str, Any]:
        return self.inner._plan(job)

    def _submit(self, request: Request, key: str, after: RunRef | None) -> RunRef:
        return self.inner._submit(request, key, after)

    def _read_log(self, ref: RunRef, cursor: int) -> LogChunk:
        return self.inner._read_log(ref, cursor)

    def _fetch(self, ref: RunRef, pattern: str, dest: Path, progress: Progress) -> list[Path]:
        return self.inner._fetch(ref, pattern, dest, progress)


def _points(search: dict[str, Any]) -> list[dict[str, Any]]:
    if Path("points").exists():
        found: list[dict[str, Any]] = json.loads(Path("points").read_text())
    else:
        every = itertools.product(*search["space"].values())
        found = [dict(zip(search["space"], values, strict=True)) for values in every]
    return found[: search["trials"]]
