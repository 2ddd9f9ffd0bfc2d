"""State: the one workspace that there is, and all that it holds."""

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loopback.azurite import ACCOUNT, Azurite
from loopback.engine import Engine
from loopback.identity import Tokens
from loopback.jobs import ARTIFACTS, Jobs
from loopback.sweeps import Sweeps
from loopback.tls import Certificate
from loopback.trouble import Trouble

SUBSCRIPTION = "11111111-2222-4333-8444-555555555555"
GROUP = "coop"
WORKSPACE = "henhouse"
REGION = "westeurope"
WORKSPACE_ID = "66666666-7777-4888-8999-aaaaaaaaaaaa"
# Where the workspace keeps what runs share, and where SDK v1 uploads code to.
BLOBSTORE, CODE = f"azureml-blobstore-{WORKSPACE_ID}", f"azureml-code-{WORKSPACE_ID}"

BLOB_HOSTS = "*.blob.core.windows.net"
DIRECTORY = "login.microsoftonline.com"
MANAGEMENT = "management.azure.com"
SERVICES = f"{REGION}.api.azureml.ms"
SCORING_HOSTS = f"*.{REGION}.inference.ml.azure.com"
HOSTS = (MANAGEMENT, DIRECTORY, SERVICES, "ml.azure.com", BLOB_HOSTS, SCORING_HOSTS)

SCOPE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.MachineLearningServices"
WS = f"{SCOPE}/workspaces/{WORKSPACE}"
STORAGE_ID = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}"
)


@dataclass(frozen=True)
class Seen:
    """A call that reached the server; `body` where it was JSON."""

    method: str
    host: str
    path: str
    query: dict[str, str]
    status: int
    body: Any = None


@dataclass
class State:
    """
    clusters      what was PUT, by name
    environments  what was PUT, by "name/version"; codes and models likewise
    snapshots     code as SDK v1 uploads it, each a loopback.v1.Snapshot
    endpoints     of which each is a loopback.endpoints.Endpoint; server is Azure's own program that answers there
    tracked       metrics and tags of runs
    machine       by what variables a node reaches the service
    refused       hosts that a client wanted to reach and that are not played here
    """

    folder: Path
    engine: Engine
    blobs: Azurite
    certificate: Certificate
    tokens: Tokens = field(default_factory=Tokens)
    trouble: Trouble = field(default_factory=Trouble)
    clusters: dict[str, dict[str, Any]] = field(default_factory=dict)
    environments: dict[str, dict[str, Any]] = field(default_factory=dict)
    codes: dict[str, dict[str, Any]] = field(default_factory=dict)
    snapshots: dict[str, Any] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    endpoints: dict[str, Any] = field(default_factory=dict)
    server: Path | None = None
    seen: list[Seen] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    tracked: dict[str, Any] = field(default_factory=dict)
    machine: dict[str, str] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        for container in (BLOBSTORE, CODE, ARTIFACTS):
            self.blobs.make(container)
        self.jobs = Jobs(self.folder / "jobs", self.engine, self.blobs, self.of_a_job)
        self.sweeps = Sweeps(self.jobs, self.of_a_metric)

    def of_a_job(self, name: str) -> dict[str, str]:
        """Variables by which the service tells a job who it is."""
        told = {"MLFLOW_TRACKING_URI": f"azureml://{SERVICES}/mlflow/v1.0{WS}?", "MLFLOW_RUN_ID": name}
        return {**told, "AZUREML_RUN_TOKEN": self.tokens.give("a job's"), **self.machine}

    def of_a_metric(self, run: str, metric: str) -> list[float]:
        """What a run has told of it so far, in turn."""
        with self.lock:
            told = self.tracked.get(run, {"metrics": []})["metrics"]
            return [float(one["value"]) for one in told if one["key"] == metric]

    def download(self, container: str, prefix: str, folder: Path) -> None:
        """Blobs below a prefix, as the files of a folder."""
        prefix = prefix.strip("/") + "/" if prefix.strip("/") else ""
        for blob in self.blobs.blobs(container, prefix):
            target = folder / blob.name.removeprefix(prefix)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self.blobs.get(container, blob.name) or b"")

    def close(self) -> None:
        self.jobs.close()
        self.blobs.close()
