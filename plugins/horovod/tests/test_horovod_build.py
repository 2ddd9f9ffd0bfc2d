"""`python -m fledge_horovod.build`, as a process: what it says, keeps and leaves."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.new_environment import NewEnvironment

FETCHED = "no package index gave it"
TWO_RANKS = """\
import torch
import horovod.torch as hvd
hvd.init()
total = hvd.allreduce(torch.full((3,), hvd.rank() + 1.0), op=hvd.Sum)
print("rank", hvd.rank(), "of", hvd.size(), "has", total.tolist())
"""


class Building:
    """The build, called in an environment of its own, whose Python is `python`."""

    def __init__(self, variables: dict[str, str], python: Path | str = sys.executable) -> None:
        self.variables, self.python = variables, str(python)

    def start(self, *words: str, **variables: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [self.python, "-m", "fledge_horovod.build", *words],
            env=self.variables | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words: str, status: int = 0, **variables: str) -> str:
        """What it says on standard error."""
        process = self.start(*words, **variables)
        _, said = process.communicate()
        assert process.returncode == status, said
        assert "Traceback" not in said, said
        return said


def without_settings() -> dict[str, str]:
    kept = ("PIP_", "HOROVOD_", "CUDA_HOME", "CXX", "PYTEST_")
    return {key: value for key, value in os.environ.items() if not key.startswith(kept)}


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    # A folder's name may hold a space.
    return tmp_path / "my cache" / "fledge" / "horovod"


@pytest.fixture
def unreachable(cache: Path) -> Building:
    """Where no package index answers."""
    nobody = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}
    return Building({**without_settings(), "XDG_CACHE_HOME": str(cache.parent.parent), **nobody})


@pytest.fixture
def reachable(cache: Path) -> Building:
    pip = {key: value for key, value in os.environ.items() if key.startswith("PIP_")}
    return Building({**without_settings(), **pip, "XDG_CACHE_HOME": str(cache.parent.parent)})


@pytest.fixture
def silent_index() -> Iterator[str]:
    """An index that takes every call and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/simple"


def left_in(cache: Path) -> list[str]:
    """What is there beside logs and locks."""
    return [path.name for path in cache.iterdir() if path.suffix not in (".log", ".lock")]


def tools(folder: Path, *names: str) -> str:
    """A PATH on which nothing else is."""
    folder.mkdir()
    for name in names:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return str(folder)


@pytest.mark.parametrize(
    ("there", "words", "status", "said"),
    [
        ((), (), 1, ("no C++ compiler here", "apt-get install build-essential", "CXX=PATH")),
        (("g++",), (), 1, ("no make here", "apt-get install build-essential")),
        (("g++", "make"), ("--mpi",), 2, ("mpicxx", "libopenmpi-dev", "leave --mpi out")),
    ],
)
def test_what_is_missing_is_named(
    unreachable: Building, tmp_path: Path, there: tuple[str, ...], words: tuple[str, ...], status: int, said: tuple[str]
) -> None:
    told = unreachable(*words, status=status, PATH=tools(tmp_path / "bin", *there))
    assert all(part in told for part in said), told
    assert len(told.splitlines()) == 2


def test_a_compiler_that_was_named_and_is_not_there(unreachable: Building) -> None:
    assert "CXX=/no/such is not found" in unreachable(status=1, CXX="/no/such")


def test_gpus_need_a_cuda_toolkit(unreachable: Building) -> None:
    # It has another sentence where torch has no CUDA.
    assert "--gpu needs" in unreachable("--gpu", status=2, CUDA_HOME="/no/such")


def test_without_a_network(unreachable: Building, cache: Path) -> None:
    told = unreachable(status=1)
    assert "pip could not fetch setuptools" in told
    assert "PIP_INDEX_URL=URL" in told
    log = next(cache.glob("*.log"))
    assert str(log) in told
    assert "setuptools" in log.read_text()
    assert not list(cache.glob("**/*.whl"))


def test_a_compiler_that_fails(reachable: Building, cache: Path, tmp_path: Path) -> None:
    compiler = tmp_path / "c++"
    compiler.write_text("#!/bin/sh\necho 'odd.cc:3:1: error: the moon is full' >&2\nexit 1\n")
    compiler.chmod(0o755)
    told = reachable(status=1, CXX=str(compiler))
    if FETCHED in told:
        pytest.skip("no package index can be reached")
    assert "Horovod could not be built" in told
    assert "CMake Error" in told or "the moon is full" in told
    log = next(cache.glob("*.log"))
    assert "the moon is full" in log.read_text()
    assert left_in(cache) == []


def test_ctrl_c_ends_the_compilers_too(reachable: Building, cache: Path, tmp_path: Path) -> None:
    compiler, held = tmp_path / "c++", tmp_path / "held"
    os.mkfifo(held)
    # It says that it runs by opening the pipe, and that it has gone by letting go of it.
    compiler.write_text(f"#!/bin/sh\nexec 9> '{held}'\nwhile :; do sleep 1; done\n")
    compiler.chmod(0o755)
    process = reachable.start("--no-mpi", CXX=str(compiler))
    assert process.stderr
    said = next(line for line in process.stderr if "configuring" in line or FETCHED in line)
    if FETCHED in said:
        pytest.skip("no package index can be reached")
    with held.open("rb") as reader:
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate()
        assert reader.read() == b""
    assert process.returncode == 130
    assert rest.endswith("interrupted\n")
    assert left_in(cache) == []


def test_sigterm_leaves_nothing(unreachable: Building, cache: Path, silent_index: str) -> None:
    process = unreachable.start(PIP_INDEX_URL=silent_index)
    assert process.stderr
    assert "building it takes some minutes" in process.stderr.readline()
    process.terminate()
    process.communicate()
    assert process.returncode == 143
    assert left_in(cache) == []


def test_what_a_killed_build_left_is_no_wheel(unreachable: Building, cache: Path, silent_index: str) -> None:
    process = unreachable.start(PIP_INDEX_URL=silent_index)
    assert process.stderr
    assert "building it takes some minutes" in process.stderr.readline()
    waits = unreachable.start()
    assert waits.stderr
    assert "another process builds it" in waits.stderr.readline()
    process.kill()
    process.communicate()
    # It takes its turn, and says what it finds.
    _, said = waits.communicate()
    assert waits.returncode == 1
    assert "could not fetch setuptools" in said
    assert left_in(cache) == []


@pytest.mark.horovod
class TestBuilt:
    """Once built, for these and for every later run of the tests: the user's own cache keeps the wheel."""

    @pytest.fixture(scope="class")
    @classmethod
    def environment(cls, tmp_path_factory: pytest.TempPathFactory) -> NewEnvironment:
        made = NewEnvironment.make(tmp_path_factory.mktemp("horovod") / "env", dict(os.environ))
        building = Building(without_settings() | {"PATH": made.variables["PATH"]}, made.folder / "bin" / "python")
        pip = {key: value for key, value in os.environ.items() if key.startswith("PIP_")}
        process = building.start(**pip)
        _, said = process.communicate()
        if FETCHED in said:
            pytest.skip("no package index can be reached")
        assert process.returncode == 0, said
        return made

    def test_two_ranks_agree(self, environment: NewEnvironment, tmp_path: Path) -> None:
        (tmp_path / "two.py").write_text(TWO_RANKS)
        bin = environment.folder / "bin"
        told = environment(f"'{bin}/horovodrun' -np 2 --gloo '{bin}/python' two.py", tmp_path)
        assert "rank 0 of 2 has [3.0, 3.0, 3.0]" in told
        assert "rank 1 of 2 has [3.0, 3.0, 3.0]" in told

    def test_the_wheel_is_used_again(self, environment: NewEnvironment) -> None:
        # Nothing is there to compile with, and nothing to fetch from.
        nothing = {**without_settings(), "PIP_NO_INDEX": "1", "CXX": "/no/such"}
        building = Building(nothing, environment.folder / "bin" / "python")
        said = building()
        assert "built before" in said
        assert "is installed, with gloo" in said

    def test_one_built_for_another_torch_is_found_out(self, environment: NewEnvironment, tmp_path: Path) -> None:
        question = "from fledge_horovod.installed import installed\nprint(installed().finding())\n"
        (tmp_path / "ask.py").write_text(question)
        assert "'ok'" in environment("python ask.py", tmp_path)
        (tmp_path / "torch").mkdir()
        (tmp_path / "torch" / "__init__.py").write_text("raise ImportError('nobody needs me')\n")
        (tmp_path / "torch" / "version.py").write_text("__version__ = '9.9.9+cpu'\ncuda = None\n")
        told = environment("python ask.py", tmp_path)
        assert "'error'" in told
        assert "torch 9.9.9+cpu is here" in told
        assert "python -m fledge_horovod.build" in told
