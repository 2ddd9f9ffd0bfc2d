"""What azure-ai-ml sends for a run is what Microsoft's published schemas take, and they would say if it were not."""

import copy
from typing import Any

import pytest
from installed import ROOT
from loopback.program import Loopback
from published import Published
from submitting import Submits

pytestmark = pytest.mark.azure

_FOLDER = ROOT.parent / "shared" / "azure-schemas"
_SCRIPT = ("run", "--backend", "azureml", "--detach", "--script", "hello.py")
_PHOTOS = (
    *("run", "--backend", "azureml", "--detach", "--dataset", "imagefolder", "--model", "resnet18"),
    *("--set", "dataset.root=photos", "--set", "model.weights=none", "--set", "backend.size=Standard_DS3_v2"),
)
_MANY = ("--nodes", "2", "--processes", "4", "--set", "backend.size=Standard_DS3_v2", "--set", "backend.cluster=many")
_CHEAP = (
    "--set",
    "backend.cluster=cheap",
    "--set",
    "backend.priority=low_priority",
    "--set",
    "backend.environment=a:1",
)
_SWEEP = (
    *("sweep", "spec.toml", "--native", "--maximize", "score", "--pruner", "bandit", "--slack", "0.15"),
    *("--param", "script.args.x=log:1..2", "--param", "script.args.y=a,b", "--trials", "1"),
)
_GRID = (
    *("sweep", "spec.toml", "--native", "--maximize", "score", "--sampler", "grid"),
    *("--param", "script.args.y=a,b", "--trials", "1"),
)
_TRAINED = ("run", "--dataset", "dots", "--model", "tiny", "--with", "onnx", "--set", "training.epochs=1")
# A job that is a sweep is told apart.
_KINDS = ("computes", "codes", "environments", "jobs", "sweeps", "models", "onlineEndpoints", "deployments")
# What would be wrong, by the kind of the body and the place in it.
_WRONG: list[tuple[str, str, Any]] = [
    ("jobs", "properties/jobType", "Comand"),
    ("jobs", "properties/command", 3),
    ("jobs", "properties/commands", "python hello.py"),
    ("jobs", "properties/environmentId", None),
    ("jobs", "properties/resources/instanceCount", "two"),
    ("jobs", "properties/resources/instanceCount", 1.5),
    ("jobs", "properties/outputs/kept/mode", "ReadWrite"),
    ("jobs", "properties/outputs/kept/jobOutputType", "folder"),
    ("jobs", "properties/distribution", {"distributionType": "Gloo"}),
    ("jobs", "properties/distribution", {"distributionType": "Mpi", "processCountPerInstance": "all"}),
    ("jobs", "properties/environmentVariables/NAME", 1),
    ("jobs", "properties/tags", ["fledge"]),
    ("sweeps", "properties/jobType", "Sweeps"),
    ("sweeps", "properties/objective/goal", "Most"),
    ("sweeps", "properties/objective", None),
    ("sweeps", "properties/samplingAlgorithm/samplingAlgorithmType", "TPE"),
    ("sweeps", "properties/samplingAlgorithm/seed", "seven"),
    ("sweeps", "properties/earlyTermination/policyType", "Banditry"),
    ("sweeps", "properties/earlyTermination/slackFactor", "0.15"),
    ("sweeps", "properties/earlyTermination/evaluationInterval", 1.5),
    ("sweeps", "properties/limits/maxTotalTrials", "8"),
    ("sweeps", "properties/trial", None),
    ("sweeps", "properties/trial/command", None),
    ("sweeps", "properties/outputs/kept/mode", "ReadWrite"),
    ("computes", "properties/computeType", "AmlComputer"),
    ("computes", "properties/nodes", 3),
    ("computes", "properties/properties/vmPriority", "Spot"),
    ("computes", "properties/properties/scaleSettings/maxNodeCount", None),
    ("computes", "properties/properties/scaleSettings/maxNodeCount", "4"),
    ("environments", "properties/image", 3),
    ("environments", "properties/isAnonymous", "yes"),
    ("codes", "properties/codeUri", 3),
    ("codes", "properties/isAnonymous", "yes"),
    ("models", "properties/modelUri", 3),
    ("models", "properties/modelType", ["custom_model"]),
    ("models", "properties/tags", ["fledge"]),
    ("models", "properties/properties/NAME", 1),
    ("onlineEndpoints", "location", None),
    ("onlineEndpoints", "identity/type", "Someone"),
    ("onlineEndpoints", "properties/authMode", "Password"),
    ("onlineEndpoints", "properties/traffic", {"hens": "all"}),
    ("onlineEndpoints", "properties/publicNetworkAccess", True),
    ("deployments", "properties/endpointComputeType", "Kubernets"),
    ("deployments", "properties/instanceType", 3),
    ("deployments", "properties/model", ["birds"]),
    ("deployments", "properties/instanceTypes", "Standard_DS3_v2"),
    ("deployments", "properties/codeConfiguration/scoringScript", None),
    ("deployments", "properties/livenessProbe/failureThreshold", "many"),
    ("deployments", "properties/requestSettings/requestTimeout", 90),
    ("deployments", "properties/environmentVariables/NAME", 1),
    ("deployments", "sku/name", None),
    ("deployments", "sku/capacity", "one"),
]


@pytest.fixture(scope="module")
def published() -> Published:
    if not _FOLDER.is_dir():
        pytest.skip(f"no published schemas: {_FOLDER} is absent")
    return Published(_FOLDER)


@pytest.fixture(scope="module")
def sent(azure: Loopback, submits: Submits, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The PUTs of runs, alone and of many ranks on two nodes, of sweeps, and of a model up to its endpoint."""
    folder = tmp_path_factory.mktemp("schemas")
    fledge = submits("v2", folder / "work")
    fledge.environment["FLEDGE_HOME"] = str(folder / "home")
    trainer = fledge.trainer(folder / "site")
    fledge.bring(folder / "launcher", "plugins/horovod")
    fledge.write("hello.py", "print('hello')")
    fledge.write("score.py", "import fledge; fledge.log(step=1, score=1)")
    backend = '[backend]\nname = "azureml"\nsize = "Standard_DS3_v2"\ncluster = "many"'
    fledge.write("spec.toml", f'[script]\npath = "score.py"\n{backend}\n')
    before = len(azure.seen())
    fledge(*_SCRIPT)
    fledge(*_SCRIPT, "--launcher", "torchrun", *_MANY)
    fledge(*_SCRIPT, "--launcher", "horovod", *_MANY)
    fledge(*_SCRIPT, *_CHEAP)
    photo = fledge.folder / "photos" / "train" / "hen" / "1.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(b"of a hen")
    fledge(*_PHOTOS)
    fledge(*_SWEEP)
    fledge(*_GRID)
    trainer(*_TRAINED)
    fledge("models", "register", "latest", "--name", "published", "--registry", "azureml")
    fledge("deploy", "published", "--registry", "azureml", "--backend", "azureml", "--name", "published")
    return [call for call in azure.seen()[before:] if call["method"] == "PUT"]


def test_what_is_sent_is_as_published(sent: list[dict[str, Any]], published: Published) -> None:
    assert {_kind(call) for call in sent} == set(_KINDS)
    jobs, sweeps, computes = (
        [call["body"]["properties"] for call in sent if _kind(call) == kind] for kind in ("jobs", "sweeps", "computes")
    )
    many = [{"distributionType": kind, "processCountPerInstance": 2} for kind in ("PyTorch", "Mpi")]
    assert [one.get("distribution") for one in jobs] == [None, *many, None, None]
    assert [one["environmentId"].rpartition("/environments/")[2] for one in jobs][-2] == "a/versions/1"
    assert [one.get("inputs", {}).get("data", {}).get("mode") for one in jobs] == [None] * 4 + ["ReadOnlyMount"]
    assert [one["samplingAlgorithm"]["samplingAlgorithmType"] for one in sweeps] == ["Random", "Grid"]
    assert "LowPriority" in [one["properties"]["vmPriority"] for one in computes]
    assert {call["path"]: _faults(published, call) for call in sent if _faults(published, call)} == {}


@pytest.mark.parametrize(("kind", "place", "wrong"), _WRONG, ids=[f"{kind} {place}" for kind, place, _ in _WRONG])
def test_what_would_be_wrong_is_seen(
    kind: str, place: str, wrong: Any, sent: list[dict[str, Any]], published: Published
) -> None:
    call = copy.deepcopy(next(call for call in sent if _kind(call) == kind))
    at = call["body"]
    *parents, last = place.split("/")
    for parent in parents:
        at = at.setdefault(parent, {})
    at[last] = wrong
    assert _faults(published, call)


def _kind(call: dict[str, Any]) -> str:
    kind = str(call["path"].partition("/workspaces/")[2].split("/")[1])
    if "/deployments/" in call["path"]:
        return "deployments"
    return "sweeps" if kind == "jobs" and "searchSpace" in call["body"]["properties"] else kind


def _faults(published: Published, call: dict[str, Any]) -> list[str]:
    return published.faults(call["path"], call["query"]["api-version"], call["body"])
