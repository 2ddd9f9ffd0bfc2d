"""A model is deployed by the real SDK to the loopback, and answers there by Azure's own inference server."""

import base64
import io
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from installed import sdk_python
from loopback.program import WORKSPACE_CONFIG, Loopback
from loopback.state import REGION
from PIL import Image
from submitting import Client, Submits

pytestmark = [pytest.mark.azure, pytest.mark.timeout(900)]

_KEYS = """
import sys
from azure.ai.ml import MLClient
from azure.identity import DefaultAzureCredential
subscription, group, workspace, name = sys.argv[1:]
print(MLClient(DefaultAzureCredential(), subscription, group, workspace).online_endpoints.get_keys(name).primary_key)
"""
_DEPLOY = ("deploy", "birds", "--backend", "azureml", "--name")
RAW = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, submits: Submits) -> Client:
    """Whoever deploys, in the environment of an SDK; a model was trained and registered in the project's own."""
    folder = tmp_path_factory.mktemp("deploy")
    fledge = submits("v2", folder / "work")
    fledge.environment["FLEDGE_HOME"] = str(folder / "home")
    trainer = fledge.trainer(folder / "site")
    settings = ("training.epochs=12", "training.mode=head", "training.lr=0.2", "dataset.noise=0.05")
    chosen = ("--dataset", "dots", "--model", "tiny", "--with", "onnx")
    trainer("run", *chosen, *(word for one in settings for word in ("--set", one)))
    trainer("models", "register", "latest", "--name", "birds")
    return fledge


def photograph(colour: tuple[int, int, int] = (200, 60, 60)) -> bytes:
    """As a camera has one: a JPEG that says how it was held."""
    image = Image.new("RGB", (320, 200), colour)
    image.paste((30, 90, 40), (0, 120, 320, 200))
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    image.save(file, "JPEG", exif=exif)
    return file.getvalue()


@contextmanager
def served(fledge: Client) -> Iterator[httpx.Client]:
    """The same model by `fledge serve`."""
    words = [sys.executable, "-m", "fledge", "serve", "birds", "--port", "0"]
    with subprocess.Popen(
        words, cwd=fledge.folder, env=fledge.environment, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        line = server.stderr.readline()
        assert " answers at " in line, line + server.stderr.read()
        try:
            with httpx.Client(base_url=line.split()[-1], trust_env=False, timeout=60) as http:
                yield http
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def ask(house: Client, azure: Loopback) -> Iterator[Callable[..., httpx.Response]]:
    """Posts to the endpoint `hens`, at which the model was deployed, with its key."""
    said = house(*_DEPLOY, "hens", "--json")
    (told,) = said.lines
    # Of the SDK nothing is heard.
    assert [line.split()[0] for line in said.err.splitlines()] == ["deploying", "model", "a"]
    assert told == {"model": "birds/1", "name": "hens", "url": f"https://hens.{REGION}.inference.ml.azure.com/score"}
    words = [str(house.python), "-c", _KEYS, *WORKSPACE_CONFIG.values(), "hens"]
    key = subprocess.run(words, env=house.environment, capture_output=True, text=True, check=True).stdout.strip()
    proxy, authority = (azure.variables[name] for name in ("HTTPS_PROXY", "SSL_CERT_FILE"))
    with httpx.Client(proxy=proxy, verify=ssl.create_default_context(cafile=authority), timeout=60) as http:

        def post(*, key: str = key, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
            return http.post(told["url"], headers={"Authorization": f"Bearer {key}", **(headers or {})}, **more)

        yield post


def of_the_program(answer: httpx.Response) -> int:
    """Its status: the service's own is another, where it is not 200."""
    return int(answer.headers.get("ms-azureml-model-error-statuscode", answer.status_code))


def test_a_photograph_is_the_same_here_and_there(house: Client, ask: Callable[..., httpx.Response]) -> None:
    one, other = photograph(), photograph((60, 60, 200))
    form = [("file", ("a.jpg", one)), ("file", ("b.jpg", other)), ("file", ("c.txt", b"no picture"))]
    with served(house) as here:
        for told in ({"content": one, "headers": RAW}, {"files": form}):
            ours, theirs = here.post("/predict", **told), ask(**told)
            assert (of_the_program(theirs), theirs.json()) == (ours.status_code, ours.json())
        labels = [share["label"] for share in ours.json()["predictions"][0]["top"]]
    assert sorted(labels) == ["blue", "red"]
    in_json = ask(json={"pictures": [base64.b64encode(one).decode()]}).json()["predictions"][0]
    assert in_json["top"] == theirs.json()["predictions"][0]["top"]


def test_who_has_no_key_is_not_answered(ask: Callable[..., httpx.Response]) -> None:
    assert ask(key="a guess", content=photograph(), headers=RAW).status_code == 401


def test_what_is_no_picture_is_said_so(ask: Callable[..., httpx.Response]) -> None:
    refused = ask(json={"images": []})
    assert (refused.status_code, of_the_program(refused)) == (424, 422)
    assert "pictures" in refused.json()["detail"]
    assert ask(content=b"", headers=RAW).status_code == 424


def test_what_is_deployed_is_a_model_of_the_workspace(house: Client, ask: Callable[..., httpx.Response]) -> None:
    (there,) = (
        one for one in house("models", "list", "--registry", "azureml", "--json").lines if one["name"] == "birds"
    )
    (here,) = house("models", "list", "--json").lines
    assert {name: there[name] for name in ("run", "weights_sha256", "classes")} == {
        name: here[name] for name in ("run", "weights_sha256", "classes")
    }
    # And once more is the same.
    again = house(*_DEPLOY, "hens", "--registry", "azureml")
    assert again.out.strip().endswith("/score")
    assert "is paid for" not in again.err
    # On other machines it is another one, beside which the first stays, however often.
    for _ in range(2):
        other = house(*_DEPLOY, "hens", "--set", "backend.instance_type=Standard_DS4_v2")
        assert "is there as before, has no traffic, and is paid for" in other.err


def test_what_the_service_has_no_room_for(house: Client, azure: Loopback) -> None:
    words = "Not enough quota available for Standard_DS3_v2 in SubscriptionId."
    body = {"error": {"code": "OutOfQuota", "message": words}}
    azure.trouble("PUT .*/deployments/", status=400, body=body)
    try:
        said = house(*_DEPLOY, "geese", status=1).err
    finally:
        azure.peace()
    assert "Not enough quota" in said
    assert "ask for more quota" in said


def test_one_that_does_not_start_leaves_its_log(house: Client, azure: Loopback) -> None:
    broken = {"status": "Failed", "error": {"code": "ResourceNotReady", "message": "User container has crashed."}}
    azure.trouble("GET .*/mfeOperationsStatus/", status=200, body=broken)
    try:
        said = house(*_DEPLOY, "ducks", status=1).err
    finally:
        azure.peace()
    assert "User container has crashed" in said
    assert "its log ends" in said
    assert "UserContainerStart: InProgress" in said
    # It is the first one there.
    assert "nothing else answers there" in said
    assert "az ml online-deployment delete --endpoint-name ducks --name fledge-" in said


def test_by_the_other_sdk_nothing_is_begun(house: Client, azure: Loopback) -> None:
    before = len(azure.seen())
    said = Client(sdk_python("v1"), house.folder, house.environment)(*_DEPLOY, "nests", status=None)
    assert said.status != 0
    assert "a workspace's endpoints are spoken of by Microsoft's SDK v2 alone" in said.err
    assert "backends/azureml[v2]" in said.err
    assert azure.seen()[before:] == []
