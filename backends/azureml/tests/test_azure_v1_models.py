"""WorkspaceV1's models and files: told by the control plane's REST API, with the token of Microsoft's SDK v1.

Calls it in this process: make test-azure has it run in that SDK's environment.
"""

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest
from fledge import FledgeError, RunError, UsageError
from fledge_azureml.request import WorkspaceName
from fledge_azureml.workspace import KnownModel, Workspace
from loopback.program import WORKSPACE_CONFIG, Loopback

pytestmark = [
    pytest.mark.azure,
    # The SDK's own, of what it is built on.
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(find_spec("azureml") is None, reason="SDK v1 is not installed here"),
]

NAME = WorkspaceName(**WORKSPACE_CONFIG)
# A page of the loopback's has fewer.
_MANY = 11


@pytest.fixture
def workspace(here: Loopback) -> Workspace:
    from fledge_azureml.workspace_v1 import WorkspaceV1

    return WorkspaceV1(NAME)


@pytest.fixture
def model(request: pytest.FixtureRequest) -> KnownModel:
    """Of a name that nobody else has."""
    name = f"{request.node.originalname.replace('_', '-')[5:60]}-{time.time_ns()}"
    return KnownModel(name, "1", f"fledge/models/{name}/", {"colour": "grün"}, {"by": "v1", "empty": ""})


def told(model: KnownModel) -> KnownModel:
    return replace(model, created="")


def asked(azure: Loopback, method: str, model: KnownModel) -> list[int]:
    """How each call for its version was answered."""
    found = [call for call in azure.seen() if call["method"] == method]
    return [call["status"] for call in found if f"/models/{model.name}/versions/" in call["path"]]


def test_a_model_is_what_it_was_made_of(workspace: Workspace, model: KnownModel) -> None:
    assert workspace.models(model.name) == []
    assert workspace.add_model(model)
    (found,) = workspace.models(model.name)
    assert told(found) == model
    created = datetime.fromisoformat(found.created)
    assert created.utcoffset() == timedelta(0)
    assert datetime.now(UTC) - created < timedelta(minutes=5)


def test_every_page_of_versions_is_read(workspace: Workspace, model: KnownModel) -> None:
    for number in range(1, _MANY + 1):
        assert workspace.add_model(replace(model, version=str(number)))
    assert sorted(int(one.version) for one in workspace.models(model.name)) == list(range(1, _MANY + 1))


def test_a_version_is_made_once(workspace: Workspace, model: KnownModel, here: Loopback) -> None:
    assert workspace.add_model(model)
    # Whoever is second changes nothing, its tags neither.
    assert workspace.add_model(replace(model, tags={"by": "another"}))
    assert not workspace.add_model(replace(model, folder="elsewhere/"))
    assert [told(one) for one in workspace.models(model.name)] == [model]
    assert len(asked(here, "PUT", model)) == 1


def test_of_many_at_one_moment_one_has_the_number(workspace: Workspace, model: KnownModel) -> None:
    made: list[str] = []
    together = threading.Barrier(6)

    def add(number: int) -> None:
        one = replace(model, folder=f"{model.folder}{number}/")
        together.wait()
        if workspace.add_model(one):
            made.append(one.folder)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(together.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.folder for one in workspace.models(model.name)] == made


@pytest.mark.parametrize(
    "rule",
    [
        {"status": 429, "headers": {"Retry-After": "1"}},
        # Nonsense, which is no reason to give up.
        {"status": 503, "headers": {"Retry-After": "soon"}},
        {"status": 503},
        {"drop": True},
        {"drop": True, "late": True},
    ],
)
def test_trouble_that_passes_is_waited_for(
    workspace: Workspace, model: KnownModel, peace: Loopback, rule: dict[str, Any]
) -> None:
    for method in ("GET", "PUT"):
        peace.trouble(f"{method} .*/models/{model.name}/", **rule)
    assert workspace.add_model(model)
    assert [told(one) for one in workspace.models(model.name)] == [model]


@pytest.mark.timeout(300)
def test_as_long_as_the_service_says_nothing_is_asked(workspace: Workspace, model: KnownModel, peace: Loopback) -> None:
    assert workspace.models(model.name) == []
    peace.trouble(f"GET .*/models/{model.name}/", status=429, headers={"Retry-After": "3"})
    began = time.monotonic()
    assert workspace.models(model.name) == []
    assert time.monotonic() - began >= 3


@pytest.mark.parametrize(
    ("rule", "kind", "words", "transient"),
    [
        ({"status": 403}, UsageError, "does not allow this account to make the model .*: Not you", False),
        ({"status": 400}, RunError, r"cannot make the model .*/1: Not you\. \(status 400\)", False),
        (
            {"status": 429, "headers": {"Retry-After": "0"}},
            RunError,
            "cannot make the model .*: it is asked too often",
            True,
        ),
    ],
)
def test_what_the_service_refuses_is_said_in_words(
    workspace: Workspace,
    model: KnownModel,
    peace: Loopback,
    rule: dict[str, Any],
    kind: type[FledgeError],
    words: str,
    transient: bool,
) -> None:
    body = {"error": {"code": "UserError", "message": "Not you."}}
    peace.trouble(f"PUT .*/models/{model.name}/", times=99, body=body, **rule)
    with pytest.raises(kind, match=words) as raised:
        workspace.add_model(model)
    assert raised.value.transient is transient
    assert workspace.models(model.name) == []


def test_a_token_that_is_taken_no_longer_is_renewed(workspace: Workspace, model: KnownModel, here: Loopback) -> None:
    assert workspace.models(model.name) == []
    here.expire()
    assert workspace.add_model(model)
    here.expire()
    assert [told(one) for one in workspace.models(model.name)] == [model]


def test_models_of_a_workspace_that_there_is_not_are_not_none(here: Loopback) -> None:
    from fledge_azureml.workspace_v1 import WorkspaceV1

    nowhere = WorkspaceV1(NAME.model_copy(update={"workspace_name": "nowhere"}))
    with pytest.raises(UsageError, match="cannot find the workspace nowhere"):
        nowhere.models("birds")


def test_files_are_written_whole_and_those_that_are_to_be_new_once(
    workspace: Workspace, model: KnownModel, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"from a file")
    assert workspace.store(f"{model.folder}tief/ü.txt", b"", anew=True)
    assert workspace.store(f"{model.folder}one", file, anew=True)
    assert not workspace.store(f"{model.folder}one", b"another", anew=True)
    assert workspace.store(f"{model.folder}two", b"two", anew=False)
    assert workspace.store(f"{model.folder}two", b"again", anew=False)
    contents = {path: httpx.get(url, timeout=60).content for path, url in workspace.stored(model.folder).items()}
    wanted = {"one": b"from a file", "tief/ü.txt": b"", "two": b"again"}
    assert contents == {f"{model.folder}{path}": content for path, content in wanted.items()}


def test_endpoints_alone_are_the_other_sdks(workspace: Workspace) -> None:
    words = "a workspace's endpoints are spoken of by Microsoft's SDK v2 alone"
    with pytest.raises(UsageError, match=words) as raised:
        workspace.check_deploys()
    assert "backends/azureml[v2]" in str(raised.value.hint)
