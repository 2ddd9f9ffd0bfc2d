"""MLflow keeps the promises of every tracker and every registry, in a file."""

import shutil
from pathlib import Path

import pytest
from fledge.testing import RegistryContract, TrackerContract
from fledge_mlflow.store import Store


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file without runs and models. To make one, MLflow takes two seconds, which each test would wait for."""
    path = tmp_path_factory.mktemp("empty") / "mlflow.db"
    assert Store(path).client.search_experiments()
    return path


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


class TestMlflowTracker(TrackerContract, offer="mlflow"):
    @pytest.fixture(autouse=True)
    def file(self, request: pytest.FixtureRequest, folder: Path, empty: Path) -> None:
        if request.node.name != "test_making_one_touches_nothing":
            shutil.copy(empty, folder)


class TestMlflowRegistry(RegistryContract, offer="mlflow", options={"uri": "home/mlflow.db"}):
    @pytest.fixture(autouse=True)
    def file(
        self, request: pytest.FixtureRequest, tmp_path: Path, home: Path, empty: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Where the contract looks for files to damage.
        monkeypatch.chdir(tmp_path)
        if request.node.name != "test_making_one_touches_nothing":
            home.mkdir()
            shutil.copy(empty, home)
