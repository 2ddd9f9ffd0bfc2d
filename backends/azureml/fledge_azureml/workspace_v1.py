"""WorkspaceV1: a workspace by Microsoft's SDK v1, azureml-core, whose support ended on 2026-06-30.

Two habits of the SDK's are worked around throughout: it changes the working folder of the whole process while it
submits, and its errors may raise when they are printed.
"""

import json
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from fledge import FledgeError, RunError, UsageError

from fledge_azureml import v1_job, v1_sweep
from fledge_azureml.asking import Asking
from fledge_azureml.deployment_request import DeploymentRequest
from fledge_azureml.extras import install
from fledge_azureml.facts import is_final
from fledge_azureml.machines import Machines, machines
from fledge_azureml.refusal import no_cluster, of_a_cluster, refusal
from fledge_azureml.request import Cluster, WorkspaceName
from fledge_azureml.runs import SCOPE, Runs, Token, scope
from fledge_azureml.v1_authentication import authentication, token_of
from fledge_azureml.v1_errors import status_of, translated, words
from fledge_azureml.v1_models import Models
from fledge_azureml.v1_sdk import (
    NO_ANSWER,
    AmlCompute,
    ComputeTarget,
    Datastore,
    DefaultAzureCredential,
    Environment,
    Experiment,
    Workspace,
    WorkspaceClient,
    requests,
)
from fledge_azureml.v1_store import Store
from fledge_azureml.workspace import Answering, ClusterState, Details, KnownModel, Submission

_UNKNOWN_CALLER, _ABSENT = 401, 404
_MADE = ("Succeeded", "Failed", "Canceled")
_REQUEST_SECONDS = 60
_MAKING_SECONDS, _POLL_SECONDS = 600, 2.0
# One at a time in this process: see above.
_SUBMITTING = threading.Lock()


class WorkspaceV1(Asking["_Connected"]):
    """`Workspace` by azureml-core."""

    def __init__(self, name: WorkspaceName, credential: Callable[[], Any] = DefaultAzureCredential) -> None:
        super().__init__(name, credential)

    def submit(self, submission: Submission) -> None:
        name, cluster = submission.name, submission.request.cluster
        if self._run(name) is None:
            # One that is there is used as it is.
            if not self.has_cluster(cluster.name):
                self.ensure(cluster)
            try:
                self._ask(f"take the job {name}", lambda at: at.submit(submission))
            except FledgeError:
                # By somebody else at the same moment, or by a call whose answer was lost.
                if self._run(name) is None:
                    raise

    def submit_sweep(self, submission: Submission) -> None:
        self.submit(submission)

    def details(self, name: str) -> Details | None:
        found = self._ask(f"say how {name} stands", lambda at: at.runs.details(name))
        if found is None or any(path.startswith("user_logs/") for path in found.logs):
            return found
        # As the SDK itself does: the history does not always list them.
        return replace(found, logs={**found.logs, **self.artifacts(name, "user_logs/")})

    def cancel(self, name: str) -> None:
        run = self._run(name)
        if run is None or is_final(run.status):
            return
        sweep = v1_sweep.is_sweep(run)
        if not sweep and not run.cancel_uri:
            raise RunError(f"Azure ML gives no way to cancel {name} yet, which is {run.status}", transient=True)

        def post(at: "_Connected") -> None:
            if sweep:
                v1_sweep.cancel(at.workspace, run)
                return
            headers = at.auth.get_authentication_header()
            requests.post(run.cancel_uri, headers=headers, timeout=_REQUEST_SECONDS).raise_for_status()

        try:
            self._ask(f"cancel {name}", post)
        except FledgeError:
            # Where it has ended meanwhile, there is nothing to cancel.
            run = self._run(name)
            if run is not None and not is_final(run.status):
                raise

    def clusters(self) -> list[ClusterState]:
        def listed(at: "_Connected") -> list[ClusterState]:
            found = ComputeTarget.list(at.workspace)
            return [v1_job.cluster_state(one) for one in found if isinstance(one, AmlCompute)]

        return self._ask("list the clusters", listed)

    def has_cluster(self, name: str) -> bool:
        return self._ask(f"find the cluster {name}", lambda at: at.cluster(name)) is not None

    def ensure(self, cluster: Cluster) -> ClusterState:
        def make(at: "_Connected") -> ClusterState:
            if at.cluster(cluster.name) is None:
                at.create(cluster)
            state = at.made(cluster.name)
            limits = (cluster.min_nodes, cluster.max_nodes, cluster.idle_seconds)
            if limits == (state.cluster.min_nodes, state.cluster.max_nodes, state.cluster.idle_seconds):
                return state
            at.cluster(cluster.name).update(*limits)
            return at.made(cluster.name)

        try:
            return self._ask(f"make the cluster {cluster.name}", make)
        except FledgeError as error:
            raise of_a_cluster(cluster, error) from None

    def delete_cluster(self, name: str) -> None:
        def delete(at: "_Connected") -> None:
            if cluster := at.cluster(name):
                cluster.delete()
                _wait(f"the cluster {name} is still there", lambda: at.cluster(name) is None)

        self._ask(f"delete the cluster {name}", delete)

    def machines(self, cluster: Cluster) -> Machines | None:
        # It leaves out of which family a size is, and so of quota tells what holds for all of them.
        def offered(at: "_Connected") -> Machines | None:
            place = at.workspace
            return machines(cluster, AmlCompute.supported_vmsizes(place), AmlCompute.list_usages(place))

        return self._ask(f"say what {cluster.size} there are", offered)

    def knows_environment(self, name: str) -> bool:
        return self._ask(f"find the environment {name}", lambda at: at.knows_environment(name))

    def wire(self, submission: Submission) -> dict[str, object]:
        place, cluster = scope(self._name), submission.request.cluster
        known = submission.request.environment.name
        # One of the workspace's own is known there alone.
        environment = Environment(known) if known else v1_job.environment(submission.request.environment)
        # The SDK prints one as the JSON that it sends, to which it adds the command at last.
        configuration, search = v1_job.configuration(submission, environment), submission.request.search
        told = json.loads(repr(configuration.run_config))
        told |= {"script": v1_job.SCRIPT} if search else {"command": submission.request.command}
        if known:
            told["environment"] = {"name": known}
        # The rest is as the workspace has it: its region, and the id of the uploaded code.
        made = AmlCompute._build_create_payload(v1_job.provisioning(cluster), "LOCATION", self._name.subscription_id)
        name, experiment = submission.name, submission.request.experiment
        bodies = {f"PUT {place}/computes/{cluster.name}": made}
        if search:
            sweep = v1_sweep.configuration(search, configuration, name)
            address = f"POST /hyperdrive/v1.0{place}/experiments/{experiment}/hdruns/{name}"
            return {**bodies, address: v1_sweep.body(sweep, told, experiment)}
        address = f"POST /execution/v1.0{place}/experiments/{experiment}/snapshotrun?runId={name}"
        return {**bodies, address: {"Configuration": told, "SnapshotId": "SNAPSHOT"}}

    def models(self, name: str) -> list[KnownModel]:
        return self._ask(f"list the models {name}", lambda at: at.models.versions(name))

    def add_model(self, model: KnownModel) -> bool:
        return self._ask(f"make the model {model.name}/{model.version}", lambda at: at.models.add(model))

    def check_deploys(self) -> None:
        raise UsageError(
            "a workspace's endpoints are spoken of by Microsoft's SDK v2 alone",
            hint=f"it has an environment of its own; {install('v2')}",
        )

    def deploy(self, request: DeploymentRequest, model: KnownModel, code: Path) -> Answering:
        self.check_deploys()
        raise AssertionError

    def _run(self, name: str) -> Any:
        """What its history says of it; None where there is none."""
        return self._ask(f"find the job {name}", lambda at: at.run(name))

    def _connect(self) -> "_Connected":
        return _Connected(self._name, self._make_credential)

    def _unknown_caller(self, error: Exception) -> bool:
        return status_of(error) == _UNKNOWN_CALLER

    def _translated(self, doing: str, error: Exception) -> FledgeError:
        return translated(doing, error, NO_ANSWER)


class _Connected:
    """What speaks with one credential's tokens."""

    def __init__(self, name: WorkspaceName, make_credential: Callable[[], Any]) -> None:
        self._name, self._make_credential = name, make_credential
        self.credential = make_credential()
        self.auth = authentication(self.credential)

    @cached_property
    def workspace(self) -> Any:
        told = self._name
        try:
            return Workspace(told.subscription_id, told.resource_group, told.workspace_name, auth=self.auth)
        except Exception as error:
            # It says no more than this.
            if "Workspace not found" in words(error):
                raise refusal(f"find the workspace {told.workspace_name}", _ABSENT, words(error)) from None
            raise

    @cached_property
    def runs(self) -> Runs:
        return Runs(self._name, self.workspace.service_context._get_run_history_url(), self._history_token)

    @cached_property
    def store(self) -> Store:
        return Store(Datastore.get(self.workspace, v1_job.STORE))

    @cached_property
    def models(self) -> Models:
        # Of a workspace that there is not, it is said here: it would seem to have no models.
        return Models(self.workspace._auth_object, self._name)

    def run(self, name: str) -> Any:
        # The SDK's public classes make five requests of it, and print.
        history = WorkspaceClient(self.workspace.service_context)
        try:
            return history.get_run(name)
        except Exception as error:
            if status_of(error) == _ABSENT:
                return None
            raise

    def submit(self, submission: Submission) -> None:
        request = submission.request
        known = request.environment.name
        environment = self._known(known) if known else v1_job.environment(request.environment)
        experiment = Experiment(self.workspace, request.experiment)
        configuration = v1_job.configuration(submission, environment)
        tags = {**request.tags, "fledge_run": submission.run}
        with _SUBMITTING, warnings.catch_warnings():
            # On standard error, of folders of more than 25 MB.
            warnings.simplefilter("ignore")
            if request.search:
                sweep = v1_sweep.configuration(request.search, configuration, submission.name)
                v1_sweep.submit(experiment, sweep, tags)
            else:
                experiment.submit(configuration, tags=tags, run_id=submission.name)

    def cluster(self, name: str) -> Any:
        """None where there is none. Raises UsageError for a compute of another kind."""
        try:
            found = ComputeTarget(self.workspace, name)
        except Exception as error:
            if "ComputeTargetNotFound" in words(error):
                return None
            raise
        if not isinstance(found, AmlCompute):
            raise no_cluster(name)
        return found

    def create(self, cluster: Cluster) -> None:
        try:
            ComputeTarget.create(self.workspace, cluster.name, v1_job.provisioning(cluster))
        except Exception:
            # Somebody else may make it at the same moment.
            if self.cluster(cluster.name) is None:
                raise

    def made(self, name: str) -> ClusterState:
        """Once the service says that it is there."""
        _wait(
            f"the cluster {name} is not there", lambda: getattr(self.cluster(name), "provisioning_state", "") in _MADE
        )
        found = self.cluster(name)
        if found.provisioning_state != "Succeeded":
            errors = [one.get("error", one) for one in found.provisioning_errors or [] if isinstance(one, Mapping)]
            told = "; ".join(str(one.get("message") or one.get("code")) for one in errors)
            raise refusal(f"make the cluster {name}", 200, told or f"it is {found.provisioning_state}")
        return v1_job.cluster_state(found)

    def knows_environment(self, name: str) -> bool:
        try:
            self._known(name)
        except Exception as error:
            if status_of(error) == _ABSENT:
                return False
            raise
        return True

    def _known(self, wanted: str) -> Any:
        if wanted.startswith("azureml://"):
            raise UsageError(
                f"SDK v1 knows no environments of registries, such as {wanted}",
                hint="--set backend.sdk=v2, or name one of the workspace's own: --set backend.environment=NAME",
            )
        name, _, label = wanted.partition("@")
        name, _, version = name.partition(":")
        return Environment.get(self.workspace, name, version or None, label or None)

    def _history_token(self, renew: bool) -> Token:
        if renew:
            self.credential = self._make_credential()
        return token_of(self.credential, SCOPE)


def _wait(trouble: str, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _MAKING_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise RunError(
                f"{trouble} after {_MAKING_SECONDS} s", hint="the studio says how it stands; try again later"
            )
        time.sleep(_POLL_SECONDS)
