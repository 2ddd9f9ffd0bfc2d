"""pytest fixtures for whoever tests a plugin: pytest finds them wherever fledge is installed.

    def test_my_model_learns(fledge_run):
        done = fledge_run({"dataset": {"name": "squares"}, "model": {"name": "mine"}, "training": {"epochs": 3}})
        assert done.metrics["best_val_accuracy"] > 0.9

Without further words a run is one in the test's own process; `pytest --fledge-backend NAME` has the same tests run on
any installed backend.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from fledge.testing.finished import FinishedRun

_IN_PROCESS = "in-process"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fledge")
    group.addoption("--fledge-backend", default=_IN_PROCESS, metavar="NAME", help="where the runs of fledge_run run")
    group.addoption(
        "--fledge-backend-option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an option of that backend's; may be repeated",
    )


@pytest.fixture
def fledge_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home of the test's own, for this process and those it starts; the kit's offers are found there."""
    import os

    from fledge.testing.offers import install

    home = tmp_path / "fledge-home"
    site = str(install(tmp_path / "fledge-site"))
    monkeypatch.setenv("FLEDGE_HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "fledge-config"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [site, os.environ.get("PYTHONPATH")])))
    monkeypatch.syspath_prepend(site)
    return home


@pytest.fixture
def fledge_run(fledge_home: Path, request: pytest.FixtureRequest) -> "Callable[..., FinishedRun]":
    """Runs a spec, a mapping or a file, to its end, on the backend that --fledge-backend names."""
    from fledge.spec.load import parse_assignment
    from fledge.testing.finished import run_to_end

    name = request.config.getoption("--fledge-backend")
    told = [parse_assignment(f"backend.{text}") for text in request.config.getoption("--fledge-backend-option")]

    def run(spec: Mapping[str, Any] | Path) -> "FinishedRun":
        return run_to_end(spec, fledge_home, [("backend.name", name), *told])

    return run
