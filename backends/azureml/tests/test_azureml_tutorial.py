"""The table of docs/azureml.md, executed from top to bottom: what a person types instead of the tutorial's calls.

With a spec of the test's own: small pictures, a small network, two epochs. What stands for a run of one's own (BIRDS)
is the one that was made before, and a sweep has two trials.
"""

import shlex
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from installed import PYTHON, ROOT
from loopback.program import WORKSPACE_CONFIG, Loopback
from submitting import Client, Said, Submits

pytestmark = [pytest.mark.azure, pytest.mark.timeout(1500)]

PAGE = ROOT / "docs" / "azureml.md"
SPEC = """
experiment = "pytorch-birds"
[dataset]
name = "dots"
[model]
name = "tiny"
[training]
epochs = 2
device = "cpu"
[backend]
name = "azureml"
cluster = "gpu-cluster"
size = "Standard_DS3_v2"
max_nodes = 4
"""
SCRIPT = """
import argparse, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
pathlib.Path("outputs").mkdir(exist_ok=True)
pathlib.Path("outputs", "model.pt").write_text("trained")
print("epochs:", parser.parse_args().epochs)
"""
# As `az ml environment create` makes one; a node of the loopback has Horovod where it is built here.
MAKES_ENVIRONMENT = """
import sys
from azure.ai.ml import MLClient
from azure.ai.ml.entities import Environment
from azure.identity import DefaultAzureCredential

*where, name = sys.argv[1:]
MLClient(DefaultAzureCredential(), *where).environments.create_or_update(Environment(name=name, image="with/horovod"))
"""
SHORTER = {"--trials": "2", "--parallel": "1"}


def rows() -> list[list[str]]:
    """The commands of the right column, in words, without `fledge`."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    cells = [line.rstrip(" |").rpartition("| ")[2] for line in lines[2:]]
    commands = [cell.strip("`") for cell in cells]
    assert all(command.startswith("fledge ") for command in commands)
    return [shlex.split(command)[1:] for command in commands]


@pytest.fixture
def person(submits: Submits, tmp_path: Path) -> Client:
    """With the tests' own data set and network, and what the tutorial's exports and launchers come from."""
    made = submits("v2", tmp_path / "work")
    made.bring(tmp_path / "site", "tests/sample_plugin", "plugins/onnx", "plugins/horovod")
    made.write("birds.toml", SPEC)
    made.write("train.py", SCRIPT)
    # Whatever other tests have left in the workspace.
    for one in made("compute", "list", "birds.toml", "--json").lines:
        made("compute", "delete", one["name"], "birds.toml", "--yes")
    return made


class Walk:
    """Through the table; what a row should come to is by the words that it begins with."""

    def __init__(self, person: Client, azure: Loopback) -> None:
        self._person = person
        self._azure = azure
        self.birds = ""
        self.weights = ""
        self._checks: dict[str, Callable[[list[str]], None]] = {
            "doctor": self.doctor,
            "compute ensure": self.says("gpu-cluster is there: Standard_DS3_v2, 0 to 4 nodes"),
            "compute list": self.says("Standard_DS3_v2"),
            "compute delete": self.deleted,
            "run --script": self.script,
            "run birds.toml --dry-run": self.says("# request to backend azureml", "size: Standard_DS3_v2"),
            "run birds.toml --launcher horovod": self.mpi,
            "run birds.toml --launcher torchrun": self.many,
            "run birds.toml --tracker azureml": self.tracked,
            "run birds.toml --with onnx": self.onnx,
            "run birds.toml": self.trains,
            "runs show": self.says("state: COMPLETED", "  best_val_accuracy = "),
            "runs logs": self.says("epochs: 2"),
            "runs download": self.downloaded,
            "models register": self.says("pytorch-birds/1"),
            "models register latest": self.says("exported-birds/1"),
            "models download": self.model,
            "deploy": self.says("https://my-birds.", "/score"),
            "sweep": self.swept,
        }

    def row(self, words: list[str]) -> bool:
        """False where nobody has said what it should come to."""
        told = " ".join(words)
        found = [begins for begins in self._checks if told.startswith(begins)]
        if found:
            print("$ fledge", told, flush=True)
            self._checks[max(found, key=len)]([self.birds if word == "BIRDS" else word for word in words])
        return bool(found)

    def says(self, *what: str) -> Callable[[list[str]], None]:
        def check(words: list[str]) -> None:
            out = self._person(*words).out
            for one in what:
                assert one in out

        return check

    def doctor(self, words: list[str]) -> None:
        # Whoever submits has no torch here, of which it tells as well.
        assert "answers; clusters" in self._person(*words, status=None).out

    def trains(self, words: list[str]) -> None:
        last = self.completed(self._person(*words, "--json"))
        self.birds, self.weights = last["run"], last["weights_sha256"]

    def many(self, words: list[str]) -> None:
        assert self.completed(self._person(*words, "--json"))["weights_sha256"]

    def mpi(self, words: list[str]) -> None:
        for one in ("kind: mpi", "processes_per_node: 1", "nodes: 2"):
            assert one in self._person(*words, "--dry-run").out
        # It takes minutes to build, and nodes that lack it can start no such training.
        if find_spec("horovod"):
            self.make_environment("NAME")
            self.many(words)

    def make_environment(self, name: str) -> None:
        told = [str(self._person.python), "-c", MAKES_ENVIRONMENT, *WORKSPACE_CONFIG.values(), name]
        subprocess.run(told, env=self._person.environment, capture_output=True, check=True)

    def tracked(self, words: list[str]) -> None:
        last = self.completed(self._person(*words, "--json"))
        (told,) = self._person("runs", "show", last["run"], "--json").lines
        assert self.in_the_workspace(last["run"], "best_val_accuracy")[-1] == told["metrics"]["best_val_accuracy"]
        assert self.in_the_workspace(self.birds, "best_val_accuracy") == [], "what nobody has asked for is not told"

    def in_the_workspace(self, run: str, metric: str) -> list[float]:
        """Its values there, by what the workspace has been told of the run's job."""
        calls = [call for call in self._azure.seen() if call["path"].endswith("/runs/log-batch")]
        told = [one for call in calls if run in call["body"]["run_id"] for one in call["body"].get("metrics", [])]
        return [one["value"] for one in told if one["key"] == metric]

    def onnx(self, words: list[str]) -> None:
        last = self.completed(self._person(*words, "--json"))
        self._person("runs", "download", last["run"], "outputs/*.onnx", "-o", "exported")
        assert (self._person.folder / "exported" / "outputs" / "model.onnx").is_file()
        # An extension changes nothing about what was trained.
        assert last["weights_sha256"] == self.weights

    def script(self, words: list[str]) -> None:
        words = [*words[:3], "--set", "backend.size=Standard_DS3_v2", *words[3:]]
        self._person(*words)

    def downloaded(self, words: list[str]) -> None:
        self._person(*words)
        assert (self._person.folder / "downloaded" / "outputs" / "model.pt").read_text() == "trained"

    def model(self, words: list[str]) -> None:
        self._person(*words)
        assert list((self._person.folder / "model").rglob("*.safetensors"))

    def swept(self, words: list[str]) -> None:
        assert "--native" in words
        for option, value in SHORTER.items():
            words[words.index(option) + 1] = value
        last = self._person(*words, "--json").lines[-1]
        assert (last["trials"], last["best"] is not None) == (2, True)

    def deleted(self, words: list[str]) -> None:
        self._person(*words)
        assert "gpu-cluster" not in self._person("compute", "list", "birds.toml").out

    def completed(self, said: Said) -> dict[str, str]:
        last = said.lines[-1]
        assert last["state"] == "COMPLETED", said
        return last


def test_every_step_of_the_tutorial_is_a_command_that_works(person: Client, azure: Loopback) -> None:
    walk = Walk(person, azure)
    unknown = [words for words in rows() if not walk.row(words)]
    assert not unknown, "nobody has said what they should come to"
    # The same spec here, with as many threads as a node has: of another number sums come out otherwise.
    here = Client(PYTHON, person.folder, person.environment | {"OMP_NUM_THREADS": "1"})
    last = here("run", "birds.toml", "--backend", "local", "--json").lines[-1]
    assert (last["state"], last["weights_sha256"]) == ("COMPLETED", walk.weights)
