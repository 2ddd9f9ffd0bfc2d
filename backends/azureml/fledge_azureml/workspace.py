"""Workspace: what the backend asks of a workspace, whichever SDK speaks to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from fledge_azureml.deployment_request import DeploymentRequest
from fledge_azureml.machines import Machines
from fledge_azureml.request import AzureRequest, Cluster


@dataclass(frozen=True)
class Submission:
    """
    name    of the job (v1: run id) in the workspace, chosen here: a second submit of the name finds the first one's
    run     the name of the run's first submission, which names the folder `fledge/<run>` of the workspace's blob
            store that every submission of the run mounts, to find what earlier ones left
    code    the folder to be uploaded
    data    a folder of the same store that the job reads besides, and does not write; empty: none
    """

    name: str
    run: str
    code: Path
    request: AzureRequest
    data: str = ""


@dataclass(frozen=True)
class Details:
    """Of a submission: the service's own word for its state, why (error or queue reason), and the URLs of its log
    files by name, each good for ranged reads without further credentials for some minutes."""

    status: str
    reason: str = ""
    ended: str | None = None
    logs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ClusterState:
    """state is the service's own word; nodes are those that there are now, busy of them those that work."""

    cluster: Cluster
    state: str
    nodes: int
    busy: int = 0


@dataclass(frozen=True)
class KnownModel:
    """A version of a model that the workspace knows: `folder` of the default blob store holds its files.

    properties stay as they are for good, tags do not. created (UTC, ISO 8601) is the service's to say.
    """

    name: str
    version: str
    folder: str
    properties: Mapping[str, str]
    tags: Mapping[str, str]
    created: str = ""


@dataclass(frozen=True)
class Answering:
    """What answers at an endpoint: where, and the names of what else is deployed there and paid for."""

    url: str
    others: tuple[str, ...] = ()


class Readable(Protocol):
    """A file by its path, or what is opened as one."""

    def open(self, mode: Literal["rb"]) -> BinaryIO | FileIO: ...


class Workspace(Protocol):
    """Raises RunError or UsageError, transient where trying again may help, and nothing of an SDK's."""

    def submit(self, submission: Submission) -> None:
        """Make the cluster where it is missing, upload the code, create the job. Idempotent."""

    def submit_sweep(self, submission: Submission) -> None:
        """The same for a request with a search: a sweep, each trial of which mounts the folder of the sweep's `run`,
        and keeps its files in a folder of its own name there. Idempotent."""

    def children(self, name: str) -> list[str]:
        """The names of the jobs that a sweep has started so far, in no order."""

    def details(self, name: str) -> Details | None:
        """None where there is no such job."""

    def cancel(self, name: str) -> None: ...

    def artifacts(self, name: str, prefix: str) -> dict[str, str]:
        """The files that a run has left in its history, below a prefix such as "outputs/": path to URL, as above."""

    def keep(self, run: str, name: str, content: Readable | bytes) -> None:
        """Have a file in the folder of the blob store that the run mounts; one that is there already stays."""

    def kept(self, run: str, prefix: str) -> dict[str, str]:
        """The files in the folder of the blob store that the run mounts, whose path below it begins with the prefix:
        path to URL, as above."""

    def clusters(self) -> list[ClusterState]: ...

    def has_cluster(self, name: str) -> bool:
        """Raises UsageError for a compute of that name that is no cluster, which `clusters` does not list."""

    def ensure(self, cluster: Cluster) -> ClusterState:
        """Find it or make it, or change its limits to these. Returns once the service says that it is there."""

    def delete_cluster(self, name: str) -> None:
        """With all its machines; returns when it is gone. Harmless where there is none."""

    def machines(self, cluster: Cluster) -> Machines | None:
        """Of the cluster's kind, in the workspace's region; None where it has none."""

    def knows_environment(self, name: str) -> bool:
        """NAME, NAME:VERSION or NAME@latest."""

    def wire(self, submission: Submission) -> dict[str, object]:
        """The bodies of the requests that `submit` would send, by "METHOD path"; asks nobody."""

    def models(self, name: str) -> list[KnownModel]:
        """Every version of the name, whoever registered it; none of an unknown name."""

    def add_model(self, model: KnownModel) -> bool:
        """False where the version is there and is of another folder. The same again is fine."""

    def stored(self, prefix: str) -> dict[str, str]:
        """The files of the default blob store whose paths begin with the prefix: path to URL, as above."""

    def store(self, path: str, content: Readable | bytes, *, anew: bool) -> bool:
        """Write a file of the default blob store, whole or not at all. False where it was to be written `anew`, and
        there is one already: of many at the same moment one alone is told True."""

    def check_deploys(self) -> None:
        """Raises UsageError where the SDK knows no managed endpoints; asks nobody."""

    def deploy(self, request: DeploymentRequest, model: KnownModel, code: Path) -> Answering:
        """Make the endpoint where it is missing, and the deployment on it; returns once that is healthy and has all of
        the endpoint's traffic, and never changes what answers otherwise."""
