"""What a deployment comes to, where there is no network and no package of Microsoft's; and the program that answers."""

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fledge import Deployable, Deployer, ModelVersion, UsageError
from fledge_azureml.backend import AzureML
from fledge_azureml.deployment import packed, plan
from fledge_azureml.ledger import Ledger
from fledge_azureml.manifest import Manifest
from fledge_azureml.options import AzureMLOptions

TOLD = {
    "subscription_id": "01234567-89ab-cdef-0123-456789abcdef",
    "resource_group": "birds",
    "workspace": "aviary",
}
NOWHERE = Path("/nowhere")


def deployable(name: str = "birds") -> Deployable:
    files = {"model.onnx": "ab" * 32, "model.json": "cd" * 32}
    version = ModelVersion(name, 3, "run-1", "2026-01-01T00:00:00+00:00", files, {})
    return Deployable(version, NOWHERE, "model.onnx", ("fledge==0.1.0", "fledge-onnx==0.1.0"))


ONE = deployable()


def options(**told: Any) -> AzureMLOptions:
    return AzureMLOptions(**{**TOLD, **told})


def test_what_would_be_made_is_said_without_asking_anybody() -> None:
    backend = AzureML(options(instance_count=2), NOWHERE)
    assert isinstance(backend, Deployer)
    told = backend.plan_deployment(deployable(), "my-birds")
    assert json.loads(json.dumps(told)) == told
    assert (told["endpoint"], told["instance_count"]) == ("my-birds", 2)
    assert [wheel["name"] for wheel in told["wheels"]] == ["fledge", "fledge-onnx"]
    assert told["tags"]["fledge_model"] == "birds/3"


def test_what_would_answer_otherwise_is_another_deployment() -> None:
    def name(model: Deployable = ONE, **told: Any) -> str:
        return plan(model, "birds", options(**told), NOWHERE).deployment

    other = dataclasses.replace(ONE, version=dataclasses.replace(ONE.version, files={"model.onnx": "ef" * 32}))
    named = {
        name(),
        name(other),
        name(instance_type="Standard_DS4_v2"),
        name(pip=("timm",)),
        name(environment="mine:3"),
        name(dataclasses.replace(ONE, requirements=("fledge==0.1.0",))),
    }
    assert len(named) == 6
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{1,30}[A-Za-z0-9]", one) for one in named)
    assert name() == name(instance_count=3), "more of the same"


def test_an_edit_of_what_travels_makes_another_deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info, code = tmp_path / "fledge_edited-1.0.dist-info", tmp_path / "fledge_edited" / "deep" / "one.py"
    for folder in (info, code.parent):
        folder.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fledge-edited\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[fledge]\nedited = fledge_edited.deep\n")
    (info / "direct_url.json").write_text(json.dumps({"url": tmp_path.as_uri(), "dir_info": {"editable": True}}))
    (tmp_path / "fledge_edited" / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    model = dataclasses.replace(ONE, requirements=("fledge-edited==1.0",))

    def name(content: str) -> str:
        code.write_text(content)
        (code.parent / "__pycache__").mkdir(exist_ok=True)
        (code.parent / "__pycache__" / "one.pyc").write_text(content * 2)
        return plan(model, "birds", options(), NOWHERE).deployment

    first = name("answer = 1")
    assert name("answer = 2") != first
    assert name("answer = 1") == first
    (code.parent / "__pycache__" / "one.pyc").unlink()
    assert plan(model, "birds", options(), NOWHERE).deployment == first


def test_what_answers_is_there_at_these_versions_and_torch_is_not() -> None:
    from importlib.metadata import version

    conda: Any = plan(deployable(), "birds", options(), NOWHERE).environment.conda
    lines: list[str] = conda["dependencies"][-1]["pip"]
    for name in ("onnxruntime", "pillow", "numpy", "fastapi"):
        assert f"{name}=={version(name)}" in lines
    assert "azureml-inference-server-http" in lines
    assert not [line for line in lines if line.startswith(("torch", "onnx=", "onnxscript", "fledge"))]


@pytest.mark.parametrize(
    ("endpoint", "model", "told", "words"),
    [
        ("b_1", "birds", {}, "names no|cannot name an endpoint"),
        ("my", "birds", {}, "3 to 32"),
        ("1birds", "birds", {}, "the first is a letter"),
        ("birds-", "birds", {}, "the last no -"),
        ("birds", "birds.v1", {}, "cannot name a model"),
        ("birds", "birds", {"instance_type": "Standard_NC6"}, "retired"),
        ("birds", "birds", {"instance_type": "DS3_v2"}, "names no kind of machine"),
        ("birds", "birds", {"pip": ("./mine-1.0.whl",)}, "names a file or folder of this machine"),
        ("birds", "birds", {"conda": ("a b c ==",)}, "is no conda package"),
        ("birds", "birds", {"conda": ("python=3.9",)}, "is another Python"),
    ],
)
def test_what_cannot_be_is_said_before_anybody_is_asked(
    endpoint: str, model: str, told: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        plan(deployable(model), endpoint, options(**told), NOWHERE)
    assert any(word in str(caught.value) for word in words.split("|"))


def test_the_folder_that_travels_has_the_program_alone_beside_its_wheels() -> None:
    request = plan(deployable(), "birds", options(), NOWHERE)
    with packed(request.model_copy(update={"wheels": ()})) as code:
        names = {path.relative_to(code).as_posix() for path in code.rglob("*") if path.is_file()}
    program = {"__init__.py", "__main__.py", "program.py", "score.py"}
    assert names == {f"fledge_azureml_score/{name}" for name in program}


def test_what_answers_needs_nothing_of_azure_to_be_imported() -> None:
    code = "import sys, fledge_azureml_score.program; print({one.split('.')[0] for one in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"'azureml'", "'fledge'", "'torch'"} & set(done.stdout.strip().strip("{}").split(", "))


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["nowhere.onnx"], 1, "error: there is no nowhere.onnx below"),
        (["model.onnx"], 1, "error: "),
        (["model.onnx", "first"], 2, "invalid int value: 'first'"),
        ([], 2, "usage: python -m fledge_azureml_score"),
    ],
)
def test_what_cannot_answer_here_says_why(tmp_path: Path, words: list[str], status: int, says: str) -> None:
    (tmp_path / "model.onnx").write_text("none")
    command = [sys.executable, "-m", "fledge_azureml_score", *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


class Blobs:
    """A blob store in memory, and what reads it by address."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def stored(self, prefix: str) -> dict[str, str]:
        return {path: path for path in sorted(self.files) if path.startswith(prefix)}

    def store(self, path: str, content: bytes, *, anew: bool) -> bool:
        if anew and path in self.files:
            return False
        self.files[path] = content
        return True

    def read(self, url: str) -> bytes:
        return self.files[url]


def test_a_number_is_had_once_and_a_registration_that_was_cut_off_keeps_its_own() -> None:
    blobs = Blobs()
    ledger = Ledger(blobs, blobs)  # type: ignore[arg-type]  # all that a ledger asks of them
    assert ledger.take("birds", "one", []) == 1
    assert ledger.take("birds", "two", []) == 2
    # Somebody has made a third without fledge.
    assert ledger.take("birds", "three", [3]) == 4
    assert ledger.take("birds", "one", []) == ledger.number("birds", "one") == 1
    assert ledger.number("birds", "o") is None
    assert ledger.take("birds", "one", [5], instead=True) == ledger.number("birds", "one") == 6
    assert ledger.names() == ["birds"]


def test_a_manifest_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text("{}")
    manifest = Manifest.of("run-1", tmp_path, "model.json")
    assert Manifest.parse(manifest.content) == manifest
    for name in ("../model.json", "/etc/passwd", "a/../../b"):
        with pytest.raises(ValueError, match="is called"):
            Manifest.parse(dataclasses.replace(manifest, files={name: "0"}).content)
