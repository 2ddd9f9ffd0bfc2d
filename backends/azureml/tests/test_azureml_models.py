"""What one of Microsoft's SDKs has registered is the other's as well: fledge in the environment of each."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from installed import ROOT, sdk_python
from loopback.program import Loopback
from published import Published
from submitting import Client, client

pytestmark = pytest.mark.azure

_SCHEMAS = ROOT.parent / "shared" / "azure-schemas"
_THERE = ("--registry", "azureml")


@dataclass(frozen=True)
class People:
    """The same person, who has two runs, in the environments of both SDKs."""

    v1: Client
    v2: Client
    runs: tuple[str, str]

    def by(self, sdk: str) -> Client:
        return {"v1": self.v1, "v2": self.v2}[sdk]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory, azure: Loopback) -> People:
    folder = tmp_path_factory.mktemp("models")
    v1, v2 = (client(sdk_python(sdk), folder / sdk, azure) for sdk in ("v1", "v2"))
    for one in (v1, v2):
        one.environment["FLEDGE_HOME"] = str(folder / "home")
    trainer = v1.trainer(folder / "site")
    train = ("run", "--dataset", "dots", "--model", "tiny", "--set", "training.epochs=1", "--json", "--set")
    first, second = (trainer(*train, f"seed={seed}").lines[-1]["run"] for seed in (1, 2))
    return People(v1, v2, (first, second))


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def sent(azure: Loopback, name: str) -> list[dict[str, Any]]:
    """The calls by which its versions were made."""
    return [call for call in azure.seen() if call["method"] == "PUT" and f"/models/{name}/versions/" in call["path"]]


@pytest.mark.parametrize(("one", "other"), [("v1", "v2"), ("v2", "v1")])
def test_registered_by_one_it_is_listed_and_downloaded_by_the_other(people: People, one: str, other: str) -> None:
    name, theirs, ours = f"from-{one}", people.by(one), people.by(other)
    for run in people.runs:
        theirs("models", "register", run, "--name", name, "--tag", f"by={one}", *_THERE)
    listed = [
        [row for row in who("models", "list", "--json", *_THERE).lines if row["name"] == name] for who in (theirs, ours)
    ]
    assert listed[0] == listed[1]
    assert [row["version"] for row in listed[1]] == [1, 2]
    assert [row["run"] for row in listed[1]] == list(people.runs)
    for who, place in ((theirs, "here"), (ours, "there")):
        who("models", "download", f"{name}/1", "--output", place, *_THERE)
    fetched = files(ours.folder / "there")
    assert fetched == files(theirs.folder / "here")
    assert [path for path in fetched if path.endswith(".safetensors")]
    # Registered again by the other it is the version that it was.
    again = ours("models", "register", people.runs[0], "--name", name, "--json", *_THERE)
    assert again.lines[-1]["version"] == 1


def test_both_make_the_same_of_a_model(people: People, azure: Loopback) -> None:
    for sdk in ("v1", "v2"):
        people.by(sdk)("models", "register", people.runs[0], "--name", f"same-{sdk}", "--tag", "colour=grün", *_THERE)
    (first,), (second,) = sent(azure, "same-v1"), sent(azure, "same-v2")
    ours, theirs = first["body"]["properties"], second["body"]["properties"]
    assert {**ours, "modelUri": ours["modelUri"].replace("same-v1", "same-v2")} == {
        name: told for name, told in theirs.items() if told is not None
    }
    if not _SCHEMAS.is_dir():
        pytest.skip(f"no published schemas: {_SCHEMAS} is absent")
    published, version = Published(_SCHEMAS), first["query"]["api-version"]
    assert published.faults(first["path"], version, first["body"]) == []
    assert published.faults(first["path"], version, {"properties": {**ours, "tags": ["colour"]}})
