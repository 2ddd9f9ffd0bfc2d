"""What the tests share: fledge as a process, and a stranger's plugin installed beside it."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fledge.warmth import VARIABLE, possible
from hypothesis import settings

from tests.commands import Commands, by_itself
from tests.long_run import words
from tests.nursery import Nursery

# A shell that starts the tests in the background has them ignore Ctrl-C, and with them all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parent.parent
Give = Callable[..., None]

# Nothing is timed: the machine may be busy.
# In CI the examples are the same each time: what is new there is the change, and not the draw.
settings.register_profile("fledge", deadline=None, max_examples=50, derandomize="FLEDGE_TESTS_SAME" in os.environ)
settings.load_profile("fledge")


class FailuresAtOnce:
    """Names each test that fails when it does: a run that is cut off has no summary."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self._terminal = terminal

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._terminal.write_line(f"\n{report.nodeid} failed, in {report.when}, after {report.duration:.0f} s")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take minutes begin first: the last one would be waited for by a core with nothing left to do."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    # The processes of pytest-xdist report to the one that has it.
    if terminal is not None:
        config.pluginmanager.register(FailuresAtOnce(terminal))


@dataclass(frozen=True)
class Result:
    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Standard output as JSON objects; fails on anything else there."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def last(self) -> dict[str, Any]:
        return self.lines[-1]


@dataclass
class Fledge:
    """Calls `fledge` as a person would: in a folder, with an environment."""

    folder: Path
    environment: dict[str, str]
    commands: Commands | None = None

    @property
    def home(self) -> Path:
        return self.folder / ".fledge"

    def __call__(self, *words: str | Path, status: int | None = 0, **environment: str) -> Result:
        told = [*map(str, words)], self.folder, self.environment | environment
        done = (self.commands and self.commands.run(*told)) or by_itself(*told)
        result = Result(done.status, done.out, done.err)
        assert status is None or result.status == status, f"exit status {result.status}\n{result.out}\n{result.err}"
        assert "Traceback" not in result.err, result.err
        return result

    def start(self, *words: str | Path) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "fledge", *map(str, words)],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture(scope="session")
def install(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Installs a distribution's folder into a new folder of its own, to be put on PYTHONPATH."""

    def install(source: Path) -> Path:
        target = tmp_path_factory.mktemp("site")
        subprocess.run(
            [
                sys.executable,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-index",
                "--no-deps",
                "--no-build-isolation",
                "--disable-pip-version-check",
                "--target",
                str(target),
                str(source),
            ],
            check=True,
        )
        return target

    return install


@pytest.fixture(scope="session")
def sample_plugin(install: Callable[[Path], Path]) -> Path:
    """The folder in which tests/sample_plugin is installed."""
    return install(ROOT / "tests" / "sample_plugin")


@pytest.fixture(scope="session")
def user_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def base_environment(sample_plugin: Path, user_cache: Path) -> dict[str, str]:
    """With the sample plugin, a cache of the tests' own and no settings from outside."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("FLEDGE_", "PYTEST_"))}
    return environment | {"PYTHONPATH": str(sample_plugin), "XDG_CACHE_HOME": str(user_cache), "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="session")
def warmth(base_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variable by which trainings are forked, and spared the import of torch: most of the tests' time."""
    if not possible():
        yield {}
        return
    with Nursery(tmp_path_factory.mktemp("w"), base_environment) as nursery:
        yield {VARIABLE: str(nursery.address)}
        # What this process has forked itself, for a data loader, may hold the other end of what it reads to its end.
        nursery.process.terminate()


@pytest.fixture(scope="session")
def commands(base_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands | None]:
    """Commands begin without importing anything: a third of a second each, of thousands."""
    if not possible():
        yield None
        return
    with Commands(tmp_path_factory.mktemp("c"), base_environment) as commands:
        yield commands


@pytest.fixture(scope="session")
def fledge_in(
    base_environment: dict[str, str], warmth: dict[str, str], commands: Commands | None
) -> Callable[[Path], Fledge]:
    """fledge in a folder."""

    def fledge_in(folder: Path) -> Fledge:
        folder.mkdir(parents=True)
        environment = {**base_environment, **warmth, "XDG_CONFIG_HOME": str(folder.parent / "config")}
        return Fledge(folder, environment, commands)

    return fledge_in


@pytest.fixture
def fledge(tmp_path: Path, fledge_in: Callable[[Path], Fledge], request: pytest.FixtureRequest) -> Fledge:
    """fledge in an empty folder of the test's own."""
    fledge = fledge_in(tmp_path / "work")
    if request.node.get_closest_marker("cold"):
        fledge.environment.pop(VARIABLE, None)
        fledge.commands = None
    return fledge


@pytest.fixture
def give(fledge: Fledge, tmp_path: Path) -> Give:
    """Installs a distribution by hand: a module with an entry point, and one more for a model."""
    site = tmp_path / "site"
    site.mkdir()
    fledge.environment["PYTHONPATH"] += f":{site}"

    def give(module: str, code: str, *, plugin: str | None = None, value: str | None = None, model: str = "") -> None:
        (site / f"{module}.py").write_text(textwrap.dedent(code))
        if model:
            # In a module of its own, for the other is imported by every command.
            (site / f"{module}_model.py").write_text(textwrap.dedent(model))
        info = site / f"{module}_dist-0.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}-dist\nVersion: 0.5\n")
        (info / "entry_points.txt").write_text(f"[fledge]\n{plugin or module} = {value or module}\n")

    return give


@pytest.fixture(scope="session")
def red_or_blue(tmp_path_factory: pytest.TempPathFactory, fledge_in: Callable[[Path], Fledge]) -> Path:
    """An exported model, an ONNX file, that tells red from blue."""
    fledge = fledge_in(tmp_path_factory.mktemp("red-or-blue") / "work")
    settings = ("training.epochs=12", "training.mode=head", "training.lr=0.2", "dataset.noise=0.05")
    chosen = ("--dataset", "dots", "--model", "tiny", "--with", "onnx")
    fledge("run", *chosen, *(word for one in settings for word in ("--set", one)))
    (run,) = (fledge.home / "runs").iterdir()
    return run / "outputs" / "model.onnx"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real photographs and weights beside the checkout; tests that need it skip without it."""
    folder = ROOT.parent / "shared"
    if not (folder / "photos").is_dir():
        pytest.skip(f"no real photographs: {folder / 'photos'} is absent")
    return folder


@pytest.fixture(scope="session")
def peaceful(tmp_path_factory: pytest.TempPathFactory, fledge_in: Callable[[Path], Fledge]) -> str:
    """The weights of the long run, where nothing happens to it."""
    fledge = fledge_in(tmp_path_factory.mktemp("peace") / "work")
    return str(fledge(*words(), "--json").last["weights_sha256"])
