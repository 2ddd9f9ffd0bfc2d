"""What SDK v1 asks beside what both ask: subscriptions, computes by another door, snapshots of code, its runs."""

import uuid
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from loopback.arm import DATASTORES
from loopback.azurite import ACCOUNT
from loopback.history import no_run, run
from loopback.identity import TENANT
from loopback.jobs import Job, Work
from loopback.state import BLOBSTORE, CODE, SERVICES, SUBSCRIPTION, WS, State
from loopback.wire import Answer, Call, Routes, refusal

_CREATED, _BAD, _ABSENT, _CONFLICT = 201, 400, 404, 409
# As a workspace has it before its first.
_NO_SNAPSHOT: dict[str, Any] = {"id": "00000000-0000-0000-0000-000000000000", "root": {}}


@dataclass(frozen=True)
class Snapshot:
    """tree is the client's; files say which blob has the content of each path, some of which are an earlier one's."""

    tree: dict[str, Any]
    files: dict[str, str]


def routes(state: State) -> Routes:
    routes = Routes()

    @routes.on("GET", "/subscriptions")
    def subscriptions(call: Call) -> Answer:
        one = {"subscriptionId": SUBSCRIPTION, "displayName": "loopback", "state": "Enabled", "tenantId": TENANT}
        return Answer({"value": [{"id": f"/subscriptions/{SUBSCRIPTION}", **one}]})

    _computes(state, routes)
    _experiments(routes)
    _snapshots(state, routes)
    _runs(state, routes)
    _assets(state, routes)
    return routes


def _computes(state: State, routes: Routes) -> None:
    @routes.on("GET", "/rp/workspaces{ws}/computes")
    def listed(call: Call, **place: str) -> Answer:
        return Answer({"value": [_compute(cluster) for cluster in state.clusters.values()]})

    @routes.on("GET", "/rp/workspaces{ws}/computes/{name}")
    def get(call: Call, name: str, **place: str) -> Answer:
        cluster = state.clusters.get(name.lower())
        return Answer(_compute(cluster)) if cluster else refusal(_ABSENT, "ComputeNotFound", f"No compute {name}.")


def _compute(cluster: dict[str, Any]) -> dict[str, Any]:
    """This SDK looks for keys that the service always sends, and whoever made the cluster did not have to."""
    properties = {
        "description": None,
        "resourceId": None,
        "provisioningErrors": None,
        "isAttachedCompute": False,
        **cluster["properties"],
    }
    properties["properties"] = {"subnet": None, "errors": None, **properties["properties"]}
    return {**cluster, "properties": properties}


def _experiments(routes: Routes) -> None:
    known: set[str] = set()
    one = "/history/v1.0{ws}/experiments/{name}"

    @routes.on("GET", one)
    @routes.on("GET", "/history/v1.0{ws}/experimentids/{name}")
    def get(call: Call, name: str, **place: str) -> Answer:
        return Answer(_experiment(name)) if name in known else refusal(_ABSENT, "UserError", f"No experiment {name}.")

    @routes.on("POST", one)
    def make(call: Call, name: str, **place: str) -> Answer:
        known.add(name)
        return Answer(_experiment(name))


def _experiment(name: str) -> dict[str, Any]:
    return {"experimentId": name, "name": name, "tags": {}}


def _snapshots(state: State, routes: Routes) -> None:
    snapshots: dict[str, Snapshot] = state.snapshots

    @routes.on("GET", "/content/v1.0{ws}/snapshots/latest/metadata")
    def latest(call: Call, **place: str) -> Answer:
        for name, snapshot in reversed(list(snapshots.items())):
            return Answer({"id": name, "root": snapshot.tree})
        return Answer(_NO_SNAPSHOT)

    @routes.on("POST", "/content/v2.0{ws}/snapshots/getblob")
    def upload(call: Call, **place: str) -> Answer:
        # By numbers: the client quotes once more what is quoted in an address.
        folder, names = f"snapshots/{uuid.uuid4()}", call.json["FileNames"]
        places = [state.blobs.signed(CODE, f"{folder}/{number}", "rcw") for number in range(len(names))]
        nodes = [{"fullName": name, "blobUri": url} for name, url in zip(names, places, strict=True)]
        return Answer({"fileNodes": nodes})

    @routes.on("POST", "/content/v2.0{ws}/snapshots/{name}")
    def make(call: Call, name: str, **place: str) -> Answer:
        told = call.json
        parent = snapshots.get(told["ParentSnapshotId"])
        new = {one["FullName"]: _blob(one["BlobUri"]) for one in told["FileRevisionList"]["FileNodes"]}
        files = {**(parent.files if parent else {}), **new}
        tree = told["DirTreeNode"]
        paths = _paths(tree, "")
        missing = [path for path in paths if path not in files]
        if missing:
            return refusal(_BAD, "UserError", f"Nothing was uploaded for {missing}.")
        snapshots[name] = Snapshot(tree, {path: files[path] for path in paths})
        return Answer({"id": name, "root": tree})


def _blob(url: str) -> str:
    return url.partition(f"/{CODE}/")[2].partition("?")[0]


def _paths(node: dict[str, Any], above: str) -> list[str]:
    found = []
    for name, child in node["children"].items():
        path = f"{above}{name}"
        found += [path] if child["type"] == "File" else _paths(child, f"{path}/")
    return found


def _runs(state: State, routes: Routes) -> None:
    @routes.on("POST", "/execution/v1.0{ws}/experiments/{experiment}/snapshotrun")
    def start(call: Call, experiment: str, **place: str) -> Answer:
        name, told = call.query["runId"], call.json
        started = work(state, name, experiment, told["SnapshotId"], told["Configuration"])
        if isinstance(started, Answer):
            return started
        if state.jobs.start(started, {"tags": {}, "properties": {}}) is None:
            return refusal(_CONFLICT, "UserError", f"There is a run {name} already.")
        return Answer({"runId": name})

    @routes.on("POST", "/execution/v1.0{ws}/experiments/{experiment}/runId/{name}/cancel")
    def cancel(call: Call, name: str, **place: str) -> Answer:
        job = state.jobs.get(name)
        if job is None:
            return no_run(name)
        state.jobs.cancel(job)
        return Answer({})

    @routes.on("GET", "/history/v1.0{ws}/runs/{name}")
    @routes.on("GET", "/history/v1.0{ws}/experiments/{experiment}/runs/{name}")
    def get(call: Call, name: str, **place: str) -> Answer:
        job = state.jobs.get(name)
        return Answer(_run(job)) if job else no_run(name)

    @routes.on("PATCH", "/history/v1.0{ws}/experiments/{experiment}/runs/{name}")
    @routes.on("PATCH", "/history/v1.0{ws}/experimentids/{experiment}/runs/{name}")
    def patch(call: Call, name: str, **place: str) -> Answer:
        job = state.jobs.get(name)
        if job is None:
            return no_run(name)
        for kind in ("tags", "properties"):
            job.told[kind] |= call.json.get(kind) or {}
        return Answer(_run(job))


def _run(job: Job) -> dict[str, Any]:
    work = job.work
    place = f"https://{SERVICES}/execution/v1.0{WS}/experiments/{work.experiment}/runId/{work.name}"
    return {
        **run(job),
        "runNumber": 1,
        "rootRunId": job.parent or work.name,
        "runType": "hyperdrive" if job.sweep else "azureml.scriptrun",
        "properties": job.told["properties"],
        # HyperDrive has a way of its own.
        "cancelUri": None if job.sweep else f"{place}/cancel",
    }


def work(state: State, name: str, experiment: str, snapshot: str, told: dict[str, Any]) -> Work | Answer:
    """What a run configuration, as it came over the wire, wants to be executed; or why not."""
    code = state.snapshots.get(snapshot)
    if code is None:
        return refusal(_BAD, "UserError", f"There is no snapshot {snapshot}.")
    cluster = state.clusters.get(told["target"].lower())
    if cluster is None:
        return refusal(_BAD, "UserError", f"Unknown compute target '{told['target']}'.")
    nodes, each = told["nodeCount"], 1
    kind: Literal["mpi", "pytorch"] | None = None
    if told["framework"] == "PyTorch":
        each, left = divmod(told["pytorch"]["processCount"], nodes)
        kind = "pytorch"
        if left:
            return refusal(_BAD, "UserError", "The processes are not the same number on each node.")
    elif told["communicator"] == "IntelMpi":
        each, kind = told["mpi"]["processCountPerNode"], "mpi"
    mounts: dict[str, str] = {}
    for mount, wanted in told["dataReferences"].items():
        if (wanted["dataStoreName"].lower(), wanted["mode"].lower()) != ("workspaceblobstore", "mount"):
            return refusal(_BAD, "UserError", f"The loopback mounts no such thing: {wanted}")
        mounts[mount] = wanted["pathOnDataStore"]
    return Work(
        name=name,
        experiment=experiment,
        download=partial(_download, state, code),
        command=told["command"],
        cluster=told["target"].lower(),
        room=cluster["properties"]["properties"]["scaleSettings"]["maxNodeCount"],
        nodes=nodes,
        distribution=kind,
        processes_per_node=each,
        environment=told["environmentVariables"],
        kept=mounts.get("kept"),
        data=mounts.get("data"),
        container=BLOBSTORE,
    )


def _download(state: State, snapshot: Snapshot, folder: Path) -> None:
    for path, blob in snapshot.files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(state.blobs.get(CODE, blob) or b"")


def _assets(state: State, routes: Routes) -> None:
    @routes.on("GET", "/datastore/v1.0{ws}/datastores/{name}")
    def datastore(call: Call, name: str, **place: str) -> Answer:
        if name not in DATASTORES:
            return refusal(_ABSENT, "UserError", f"There is no datastore {name}.")
        section = {
            "accountName": ACCOUNT,
            "containerName": DATASTORES[name],
            "endpoint": "core.windows.net",
            "protocol": "https",
            "credentialType": "AccountKey",
            "credential": state.blobs.key,
            "accountKey": state.blobs.key,
            "isSas": False,
        }
        return Answer({"name": name, "dataStoreType": "AzureBlob", "azureStorageSection": section})

    @routes.on("GET", "/environment/v1.0{ws}/environments/{name}")
    @routes.on("GET", "/environment/v1.0{ws}/environments/{name}/versions/{version}")
    @routes.on("GET", "/environment/v1.0{ws}/environments/{name}/labels/{version}")
    def environment(call: Call, name: str, version: str = "latest", **place: str) -> Answer:
        if not name.startswith("AzureML-"):
            return refusal(_ABSENT, "UserError", f"There is no environment {name}.")
        docker = {"baseImage": f"mcr.microsoft.com/azureml/curated/{name.lower()}", "platform": None}
        return Answer({"name": name, "version": version, "docker": docker, "python": {"userManagedDependencies": True}})
