"""What a command imports, seen from within its process: nothing heavy, unless something is trained."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

if TYPE_CHECKING:
    from tests.conftest import Fledge

# Python imports this by itself when it starts, in whatever it is started for.
_WITNESS = """
import atexit, os, sys

@atexit.register
def tell():
    with open(os.path.join(os.environ["WITNESS"], str(os.getpid())), "w") as file:
        print(" ".join(sys.orig_argv), *sys.modules, sep="\\n", file=file)
"""
HEAVY = {
    "torch", "torchvision", "numpy", "PIL", "safetensors", "httpx", "azure", "mlflow", "tensorboard", "onnx",
    "onnxruntime", "horovod", "matplotlib", "optuna", "sqlalchemy",
}  # fmt: skip
# What the list of commands can be printed without, too.
NEEDLESS_FOR_HELP = {"pydantic", "pluggy", "fledge_local", "fledge_resnet", "fledge_sample"}
OPTIONS = ("run", "--dataset", "dots", "--model", "tiny")
SCRIPT = ("run", "--script", "script.py")
COMMANDS = [
    ("run", "--help"),
    ("verify", "--help"),
    ("sweep", "--help"),
    ("runs", "list"),
    ("runs", "list", "--json"),
    ("runs", "show", "latest"),
    ("runs", "logs", "latest"),
    ("runs", "files", "latest"),
    ("models", "list"),
    ("models", "show", "dots"),
    ("export", "--help"),
    ("report", "--help"),
    ("predict", "--help"),
    ("serve", "--help"),
    ("plugins", "list"),
    ("plugins", "list", "--json"),
    ("plugins", "show", "resnet18"),
    ("plugins", "disable", "sample"),
    ("plugins", "enable", "sample"),
    ("plugins", "new", "model", "another"),
    ("spec", "schema"),
    ("spec", "init", "spec.toml"),
    ("run", "spec.toml", "--set", "dataset.root=.", "--dry-run"),
    (*OPTIONS, "--dry-run"),
    (*OPTIONS, "--dry-run", "--json"),
    ("run", "--dataset", "imagefolder", "--set", "dataset.root=.", "--model", "resnet18", "--dry-run"),
    (*SCRIPT, "--dry-run"),
]

Imported = Callable[..., dict[str, set[str]]]


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory, fledge_in: "Callable[[Path], Fledge]") -> "Fledge":
    """fledge in a folder with a run and a model."""
    fledge = fledge_in(tmp_path_factory.mktemp("used") / "work")
    fledge(*OPTIONS, "--set", "training.epochs=1", "--set", "register=dots", "--with", "onnx")
    Image.new("RGB", (20, 20), "red").save(fledge.folder / "red.png")
    (fledge.folder / "script.py").write_text("print('done')\n")
    return fledge


@pytest.fixture
def imported(used: "Fledge", tmp_path: Path) -> Imported:
    """Calls fledge; by the command line of every process that was started, the packages that it had imported."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(_WITNESS)
    found = tmp_path / "found"

    def imported(*words: str, more: Path | None = None) -> dict[str, set[str]]:
        shutil.rmtree(found, ignore_errors=True)
        found.mkdir()
        folders = [used.environment["PYTHONPATH"], tmp_path / "site", *([more] if more else [])]
        path = ":".join(map(str, folders))
        used(*words, WITNESS=str(found), XDG_CONFIG_HOME=str(tmp_path / "config"), PYTHONPATH=path)
        told = [file.read_text().splitlines() for file in found.iterdir()]
        assert told
        return {line: {name.split(".")[0] for name in names} for line, *names in told}

    return imported


def test_the_list_of_commands_needs_nothing_but_typer(imported: Imported) -> None:
    (names,) = imported("--help").values()
    assert "typer" in names
    assert not names & (HEAVY | NEEDLESS_FOR_HELP)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_that_trains_nothing_imports_nothing_heavy(
    imported: Imported, used: "Fledge", words: tuple[str, ...]
) -> None:
    if words[1] == "spec.toml":
        used("spec", "init", "spec.toml", status=None)
    elif words[-1] == "spec.toml":
        (used.folder / "spec.toml").unlink(missing_ok=True)
    (names,) = imported(*words).values()
    assert "fledge" in names
    assert not names & HEAVY


def test_prediction_imports_what_it_needs_and_no_torch(imported: Imported) -> None:
    (names,) = imported("predict", "dots", "red.png").values()
    assert {"onnxruntime", "numpy", "PIL"} <= names
    assert not names & (HEAVY - {"onnxruntime", "numpy", "PIL"})


def test_a_scripts_run_imports_nothing_heavy_in_any_process(imported: Imported) -> None:
    processes = imported(*SCRIPT)
    assert any("fledge.worker" in line for line in processes)
    assert not set().union(*processes.values()) & HEAVY


def test_only_the_worker_imports_torch(imported: Imported) -> None:
    processes = imported(*OPTIONS, "--set", "training.epochs=1")
    assert _importing("torch", processes) == {line for line in processes if "fledge.worker" in line} != set()


def test_a_plugin_that_imports_at_once_is_seen(imported: Imported, tmp_path: Path) -> None:
    # That the tests above can fail at all.
    rude = tmp_path / "rude"
    (rude / "rude-1.dist-info").mkdir(parents=True)
    (rude / "rude.py").write_text("import numpy\n")
    (rude / "rude-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: rude\nVersion: 1\n")
    (rude / "rude-1.dist-info" / "entry_points.txt").write_text("[fledge]\nrude = rude\n")
    assert _importing("numpy", imported("runs", "list", more=rude))


def _importing(name: str, processes: Mapping[str, set[str]]) -> set[str]:
    return {line for line, names in processes.items() if name in names}
