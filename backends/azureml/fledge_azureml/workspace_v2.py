"""WorkspaceV2: a workspace by Microsoft's SDK v2, azure-ai-ml."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from azure.ai.ml import Input, MLClient, MpiDistribution, Output, PyTorchDistribution, command
from azure.ai.ml.entities import Command
from azure.ai.ml.sweep import SweepJob
from azure.core.exceptions import ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from fledge import FledgeError

from fledge_azureml import endpoints_v2, machines_v2, models_v2, sweeps_v2
from fledge_azureml.asking import Asking, folder
from fledge_azureml.deployment_request import DeploymentRequest
from fledge_azureml.errors_v2 import translated
from fledge_azureml.facts import is_final
from fledge_azureml.machines import Machines
from fledge_azureml.quiet_v2 import uploading
from fledge_azureml.recorder_v2 import recording
from fledge_azureml.refusal import of_a_cluster
from fledge_azureml.request import Cluster, WorkspaceName
from fledge_azureml.request import Distribution as Ranks
from fledge_azureml.runs import SCOPE, Runs, Token
from fledge_azureml.store_v2 import STORE, Store
from fledge_azureml.workspace import Answering, ClusterState, Details, KnownModel, Submission

_Answer = TypeVar("_Answer")
_UNKNOWN_CALLER = 401
# Git's facts of the working folder, its remote's address among them, stay here: the SDK adds them unless one is told.
_NO_GIT = {"mlflow.source.git.commit": "as the journal of the run has it"}


class WorkspaceV2(Asking["_Connected"]):
    """`Workspace` by azure-ai-ml."""

    def __init__(self, name: WorkspaceName, credential: Callable[[], Any] = DefaultAzureCredential) -> None:
        super().__init__(name, credential)

    def submit(self, submission: Submission) -> None:
        name, request = submission.name, submission.request
        if self.details(name) is None:
            self._make(request.cluster)
            try:
                with uploading():
                    self._ask(f"take the job {name}", lambda at: at.client.jobs.create_or_update(_job(submission)))
            except FledgeError:
                # By somebody else at the same moment, or by a call whose answer was lost.
                if self.details(name) is None:
                    raise

    def submit_sweep(self, submission: Submission) -> None:
        self.submit(submission)

    def details(self, name: str) -> Details | None:
        found = self._ask(f"say how {name} stands", lambda at: at.runs.details(name))
        if found is not None:
            return found
        # The history may not have heard of a job yet.
        job = self._ask(f"find the job {name}", lambda at: _or_none(lambda: at.client.jobs.get(name)))
        return None if job is None else Details(str(job.status or ""))

    def cancel(self, name: str) -> None:
        try:
            self._ask(f"cancel {name}", lambda at: at.client.jobs.begin_cancel(name))
        except FledgeError:
            # Where it has ended meanwhile, there is nothing to cancel.
            told = self.details(name)
            if told is not None and not is_final(told.status):
                raise

    def clusters(self) -> list[ClusterState]:
        return self._ask("list the clusters", lambda at: machines_v2.clusters(at.client))

    def has_cluster(self, name: str) -> bool:
        return self._ask(f"find the cluster {name}", lambda at: machines_v2.found(at.client, name)) is not None

    def ensure(self, cluster: Cluster) -> ClusterState:
        try:
            return self._ask(f"make the cluster {cluster.name}", lambda at: machines_v2.ensure(at.client, cluster))
        except FledgeError as error:
            raise of_a_cluster(cluster, error) from None

    def delete_cluster(self, name: str) -> None:
        self._ask(f"delete the cluster {name}", lambda at: machines_v2.delete(at.client, name))

    def wire(self, submission: Submission) -> dict[str, object]:
        with recording(self._name) as (recorder, credential, transport):
            client = _client(self._name, credential, transport=transport)
            try:
                client.compute.begin_create_or_update(machines_v2.wanted(submission.request.cluster)).result()
                with uploading():
                    client.jobs.create_or_update(_job(submission))
            except Exception as error:  # noqa: BLE001 -- an SDK may raise anything
                raise translated(f"say what it would be sent for {submission.name}", error) from None
        return recorder.sent

    def models(self, name: str) -> list[KnownModel]:
        return self._ask(f"list the models {name}", lambda at: models_v2.versions(at.client, name))

    def add_model(self, model: KnownModel) -> bool:
        return self._ask(f"make the model {model.name}/{model.version}", lambda at: models_v2.add(at.client, model))

    def check_deploys(self) -> None:
        """It knows them."""

    def deploy(self, request: DeploymentRequest, model: KnownModel, code: Path) -> Answering:
        self._ask(f"make the endpoint {request.endpoint}", lambda at: endpoints_v2.ensure(at.client, request))
        doing = f"deploy {request.model} to {request.endpoint}"
        self._ask(doing, lambda at: endpoints_v2.deploy(at.client, request, model, code))
        doing = f"have {request.endpoint} answer by {request.deployment}"
        return self._ask(doing, lambda at: endpoints_v2.switch(at.client, request))

    def machines(self, cluster: Cluster) -> Machines | None:
        return self._ask(f"say what {cluster.size} there are", lambda at: machines_v2.offered(at.client, cluster))

    def knows_environment(self, name: str) -> bool:
        return self._ask(f"find the environment {name}", lambda at: machines_v2.knows_environment(at.client, name))

    def _make(self, cluster: Cluster) -> None:
        """Only where it is missing: one that is there is used as it is."""
        if not self.has_cluster(cluster.name):
            self.ensure(cluster)

    def _connect(self) -> "_Connected":
        return _Connected(self._name, self._make_credential)

    def _unknown_caller(self, error: Exception) -> bool:
        return getattr(error, "status_code", None) == _UNKNOWN_CALLER

    def _translated(self, doing: str, error: Exception) -> FledgeError:
        return translated(doing, error)


class _Connected:
    """What speaks with one credential's tokens."""

    def __init__(self, name: WorkspaceName, make_credential: Callable[[], Any]) -> None:
        self._name, self._make_credential = name, make_credential
        self.credential = make_credential()
        self.client = _client(name, self.credential)

    @cached_property
    def runs(self) -> Runs:
        found = self.client.workspaces.get(self._name.workspace_name)
        place = urlsplit(found.discovery_url)
        return Runs(self._name, f"{place.scheme}://{place.netloc}", self._token)

    @cached_property
    def store(self) -> Store:
        return Store(self.client.datastores.get(STORE, include_secrets=True), self.credential)

    def _token(self, renew: bool) -> Token:
        if renew:
            self.credential = self._make_credential()
        given: Token = self.credential.get_token(SCOPE)
        return given


def _client(name: WorkspaceName, credential: Any, **told: Any) -> MLClient:
    return MLClient(
        credential,
        name.subscription_id,
        name.resource_group,
        name.workspace_name,
        # Hushed by `uploading`. Without it, an upload that fails is waited for without end.
        show_progress=True,
        enable_telemetry=False,
        **told,
    )


def _job(submission: Submission) -> Command | SweepJob:
    search, inputs = submission.request.search, _inputs(submission)
    job = _command(submission, inputs, sweeps_v2.words(search) if search else "")
    return sweeps_v2.swept(job, inputs, search) if search else job


def _inputs(submission: Submission) -> dict[str, Input]:
    place = _place(submission.data)
    return {"data": Input(type="uri_folder", mode="ro_mount", path=place)} if submission.data else {}


def _command(submission: Submission, inputs: dict[str, Input], words: str) -> Command:
    """words: what the node's program is told besides."""
    request = submission.request
    mounted = "".join(f" --{name} ${{{{inputs.{name}}}}}" for name in inputs)
    return command(
        name=submission.name,
        display_name=submission.name,
        experiment_name=request.experiment,
        code=str(submission.code),
        command=f"{request.command} --kept ${{{{outputs.kept}}}}{mounted}{words}",
        environment=machines_v2.environment(request.environment),
        environment_variables=request.environment_variables,
        compute=request.cluster.name,
        instance_count=request.nodes,
        distribution=_distribution(request.distribution),
        inputs=inputs,
        outputs={"kept": Output(type="uri_folder", mode="rw_mount", path=_place(folder(submission.run)))},
        tags={**request.tags, "fledge_run": submission.run},
        properties=dict(_NO_GIT),
    )


def _place(folder: str) -> str:
    return f"azureml://datastores/{STORE}/paths/{folder}/"


def _distribution(ranks: Ranks | None) -> MpiDistribution | PyTorchDistribution | None:
    if ranks is None:
        return None
    kind = MpiDistribution if ranks.kind == "mpi" else PyTorchDistribution
    return kind(process_count_per_instance=ranks.processes_per_node)


def _or_none(ask: Callable[[], _Answer]) -> _Answer | None:
    try:
        return ask()
    except ResourceNotFoundError:
        return None
