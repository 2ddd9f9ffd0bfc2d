"""AzureML: jobs on a compute cluster of an Azure Machine Learning workspace."""

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from fledge import (
    ClusterInfo,
    Clusters,
    ComputeBackend,
    Deployable,
    Deployed,
    Deployer,
    Finding,
    FledgeError,
    Job,
    LogChunk,
    NativeTrial,
    Progress,
    Request,
    RunRef,
    Search,
    SourceFile,
    Status,
    Sweeper,
    UsageError,
)

from fledge_azureml import clusters, deployment, facts, inspection, luggage, outcome
from fledge_azureml.blobs import Blobs
from fledge_azureml.config import workspace_name
from fledge_azureml.extras import install
from fledge_azureml.log import Ended, Log
from fledge_azureml.options import AzureMLOptions
from fledge_azureml.package import packed
from fledge_azureml.pattern import beginning, matcher
from fledge_azureml.planning import plan
from fledge_azureml.request import AzureRequest, WorkspaceName
from fledge_azureml.trials import TRIAL, number_of, values_of
from fledge_azureml.workspace import Submission, Workspace

_SDKS = {"v2": "azure-ai-ml", "v1": "azureml-core"}
# Of the folder that each submission of a run mounts: where the run's own files are, what a person's wish is, and where
# is what it reads.
_FILES = "files/"
_CANCELED = "canceled-"
_DATA = "data-folder"
_HALF = ".part"
# Of a run that there is not yet.
_ANY_RUN = "run"


class AzureML(ComputeBackend, Clusters, Deployer, Sweeper):
    """A submission is a job of the workspace, of a name made of its key, which a workspace has once.

    A reference holds that name, the run's id, the name of its first submission (`run`), the workspace, the page in the
    studio, and the run's earlier submissions with the length of their logs. That of a sweep is marked so.
    """

    options: AzureMLOptions

    shares_files = False
    poll_seconds: ClassVar[float] = 1.0
    sweep_tracker: ClassVar[str] = "azureml"

    def __init__(self, options: AzureMLOptions, home: Path) -> None:
        super().__init__(options, home)
        self._connected: dict[WorkspaceName, tuple[Workspace, Log]] = {}
        # What a trial has begun with never changes.
        self._begun: dict[str, NativeTrial] = {}
        # What was staged, by its names and sizes: where it is.
        self._staged: dict[frozenset[tuple[str, int]], str] = {}

    def __getstate__(self) -> dict[str, Any]:
        # Another process connects by itself.
        return vars(type(self)(self.options, self.home))

    def check(self) -> list[Finding]:
        sdks = {name: _version(package) for name, package in _SDKS.items()}
        found = [f"{_SDKS[name]} {told} ({name})" for name, told in sdks.items() if told]
        if not found:
            # No error: whoever needs no Azure needs no package of Microsoft's.
            return [Finding("ok", "not set up: neither of Microsoft's packages is installed", install("v2"))]
        findings = [Finding("ok", " and ".join(found) + " installed")]
        try:
            name = workspace_name(self.options, Path.cwd(), self.home)
        except UsageError as error:
            return [*findings, Finding("ok", f"not set up: {error.message}", error.hint or "")]
        where = f"workspace {name.workspace_name} of {name.resource_group}"
        try:
            clusters = self._workspace(name).clusters()
        except FledgeError as error:
            return [*findings, Finding("warning", f"{where}: {error.message}", error.hint or "")]
        told = ", ".join(f"{one.cluster.name} ({one.cluster.size}, {one.state})" for one in clusters)
        return [*findings, Finding("ok", f"{where} answers; clusters: {told or 'none yet'}")]

    def wire(self, request: Request) -> dict[str, Any]:
        wanted = _typed(request)
        files = request.job.snapshot.data
        name, data = self._name(_ANY_RUN), luggage.folder(files) if files else ""
        with packed(wanted, request.job, _ANY_RUN) as code:
            return dict(self._workspace(wanted.workspace).wire(Submission(name, name, code, wanted, data)))

    def clusters(self) -> list[ClusterInfo]:
        found = self._patiently(self._here().clusters)
        return sorted(map(clusters.info, found), key=lambda one: one.name)

    def ensure_cluster(self, nodes: int, say: Callable[[str], None]) -> ClusterInfo:
        found = self._patiently(clusters.ensured, self.options, nodes, self._here, say, self.poll_seconds)
        return clusters.info(found)

    def delete_cluster(self, name: str) -> None:
        self._patiently(self._here().delete_cluster, name)

    def cancel(self, ref: RunRef, timeout: float = 300.0, *, at_once: bool = False) -> Status:
        """As ever; the service takes its time to stop a node."""
        return super().cancel(ref, timeout, at_once=at_once)

    def plan_deployment(self, model: Deployable, name: str) -> dict[str, Any]:
        return deployment.plan(model, name, self.options, self.home).model_dump(mode="json")

    def deploy(self, model: Deployable, name: str) -> Deployed:
        request = deployment.plan(model, name, self.options, self.home)
        # Imported late: with it comes a package of Microsoft's.
        from fledge_azureml.deploying import deploy

        return deploy(model, request, self.options, self.home)

    def plan_sweep(self, job: Job, search: Search) -> Request:
        return Request(plan(job, self.options, self.home, search).model_dump(mode="json"), job)

    def submit_sweep(self, request: Request, key: str) -> RunRef:
        ref = self.submit(request, key)
        return replace(ref, details={**ref.details, "sweep": True})

    def trials(self, ref: RunRef) -> list[NativeTrial]:
        return self._patiently(self._trials, ref)

    def _trials(self, ref: RunRef) -> list[NativeTrial]:
        workspace, sweep = self._workspace(_where(ref)), ref.details["submission"]
        children = workspace.children(sweep)
        for name in children:
            if name in self._begun:
                continue
            # What its node has left there before it began.
            found = workspace.artifacts(name, TRIAL)
            values = values_of(self._blobs.read(found[TRIAL])) if TRIAL in found else None
            if values is not None:
                self._begun[name] = NativeTrial(number_of(name), values, self._of_a_trial(ref, name))
        begun = (self._begun[name] for name in children if name in self._begun)
        return sorted(begun, key=lambda one: one.number)

    def _of_a_trial(self, ref: RunRef, name: str) -> RunRef:
        """Its files are in a folder of its own in its sweep's."""
        where = _where(ref)
        run = f"{ref.details['run']}/{name}"
        details = {"submission": name, "id": name, "run": run, "workspace": where.model_dump(mode="json")}
        return RunRef("azureml", name, {**details, "page": facts.page(name, where), "earlier": []})

    def _plan(self, job: Job) -> dict[str, Any]:
        return plan(job, self.options, self.home).model_dump(mode="json")

    def _inspect(self, request: Request) -> list[Finding]:
        wanted, found = _typed(request), list[Finding]()
        try:
            for finding in inspection.inspect(wanted, self._workspace(wanted.workspace)):
                found.append(finding)
        except FledgeError as error:
            if error.transient:
                raise
            # What has been found until then is as true as before.
            found.append(Finding("error", *(" ".join(words.split()) for words in (error.message, error.hint or ""))))
        return found

    def _stage(self, request: Request, progress: Progress) -> None:
        if files := request.job.snapshot.data:
            brought = luggage.bring(files, self._workspace(_typed(request).workspace), progress)
            self._staged[_names_of(files)] = brought

    def _submit(self, request: Request, key: str, after: RunRef | None) -> RunRef:
        wanted = _typed(request)
        ref = self._ref(key, after, wanted.workspace)
        workspace, name = self._workspace(wanted.workspace), ref.details["submission"]
        if workspace.details(name) is None:
            data = self._data(request.job, ref.details["run"], workspace)
            with packed(wanted, request.job, ref.details["id"]) as code:
                submit = workspace.submit_sweep if wanted.search else workspace.submit
                submit(Submission(name, ref.details["run"], code, wanted, data))
        return ref

    def _data(self, job: Job, run: str, workspace: Workspace) -> str:
        """The folder of the blob store in which is what the run reads: that of its first submission, as long as it is
        whole, whatever became of the files here."""
        files = job.snapshot.data
        if not files:
            return ""
        mark = workspace.kept(run, _DATA).get(_DATA)
        first = self._blobs.read(mark).decode() if mark else ""
        if first and luggage.is_whole(first, files, workspace):
            return first
        folder = self._staged.get(_names_of(files)) or luggage.bring(files, workspace)
        workspace.keep(run, _DATA, folder.encode())
        return folder

    def _find(self, key: str, after: RunRef | None) -> RunRef | None:
        where = _where(after) if after else workspace_name(self.options, Path.cwd(), self.home)
        if self._workspace(where).details(self._name(key)) is None:
            return None
        return self._ref(key, after, where)

    def _ref(self, key: str, after: RunRef | None, where: WorkspaceName) -> RunRef:
        name = self._name(key)
        earlier: list[dict[str, Any]] = []
        if after:
            size = self._log(_where(after)).size(after.details["submission"])
            earlier = [*after.details["earlier"], {"submission": after.details["submission"], "size": size}]
        details = {
            "submission": name,
            **({word: after.details[word] for word in ("id", "run")} if after else {"id": key, "run": name}),
            "workspace": where.model_dump(mode="json"),
            "page": facts.page(name, where),
            "earlier": earlier,
        }
        return RunRef("azureml", key, details)

    def _name(self, key: str) -> str:
        # A home's keys are its own, and the workspace is everybody's.
        mark = hashlib.sha256(f"{self.home}\n{key}".encode()).hexdigest()[:8]
        fit = re.sub(r"[^A-Za-z0-9_-]", "-", key)[:200]
        return f"fledge-{fit}-{mark}"

    def _status(self, ref: RunRef) -> Status:
        workspace, name = self._workspace(_where(ref)), ref.details["submission"]

        def endings() -> list[outcome.Ending]:
            found = outcome.paths(workspace.artifacts(name, "outputs/"))
            told = [outcome.ending(path, self._blobs.read(url)) for path, url in found.items()]
            return [one for one in told if one]

        def canceled() -> bool:
            return bool(workspace.kept(ref.details["run"], _CANCELED + name))

        if ref.details.get("sweep"):
            return outcome.of_a_sweep(workspace.details(name))
        return outcome.status(workspace.details(name), endings, canceled)

    def _read_log(self, ref: RunRef, cursor: int) -> LogChunk:
        earlier = [Ended(one["submission"], one["size"]) for one in ref.details["earlier"]]
        data = self._log(_where(ref)).read(earlier, ref.details["submission"], cursor)
        return LogChunk(data, cursor + len(data))

    def _cancel(self, ref: RunRef) -> None:
        workspace, name = self._workspace(_where(ref)), ref.details["submission"]
        # By this the job knows that it was a person, and not the machine.
        workspace.keep(ref.details["run"], _CANCELED + name, b"")
        workspace.cancel(name)

    def _fetch(self, ref: RunRef, pattern: str, dest: Path, progress: Progress) -> list[Path]:
        matches = matcher(pattern)
        found = self._workspace(_where(ref)).kept(ref.details["run"], _FILES + beginning(pattern))
        urls = {name.removeprefix(_FILES): url for name, url in found.items()}
        fetched = []
        for name in sorted(urls, key=PurePosixPath):
            # What a job calls its files is its own affair; where they go here is not.
            if not matches.fullmatch(name) or name.endswith(_HALF) or ".." in PurePosixPath(name).parts:
                continue
            if self._blobs.save(urls[name], dest / name, partial(progress, f"downloading {name}", unit="bytes")):
                fetched.append(dest / name)
        return fetched

    def _here(self) -> Workspace:
        return self._workspace(workspace_name(self.options, Path.cwd(), self.home))

    def _workspace(self, name: WorkspaceName) -> Workspace:
        return self._connection(name)[0]

    def _log(self, name: WorkspaceName) -> Log:
        return self._connection(name)[1]

    def _connection(self, name: WorkspaceName) -> tuple[Workspace, Log]:
        if name not in self._connected:
            # Imported late: whoever plans needs no package of Microsoft's.
            from fledge_azureml.connect import connect

            workspace = connect(self.options, name)
            self._connected[name] = workspace, Log(workspace, self._blobs)
        return self._connected[name]

    @cached_property
    def _blobs(self) -> Blobs:
        return Blobs()


def _typed(request: Request) -> AzureRequest:
    # Of a run that is resumed the count of retries is set anew, which are fledge's own here.
    return AzureRequest.model_validate({name: told for name, told in request.body.items() if name != "retries"})


def _names_of(files: Iterable[SourceFile]) -> frozenset[tuple[str, int]]:
    return frozenset((file.target, file.size) for file in files)


def _where(ref: RunRef) -> WorkspaceName:
    return WorkspaceName.model_validate(ref.details["workspace"])


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
