"""What the tests of the Azure ML backend share: a loopback Azure, and how its clients reach it."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from dry_running import CONFIG
from installed import PYTHON, azurite, sdk_python, server
from loopback.program import Loopback
from submitting import Client, Submits, client, submitters

from tests.commands import Commands

# Numbers with nothing in common: troubles meet in every way.
_WEATHER: list[dict[str, Any]] = [
    {"every": 29, "status": 503},
    {"every": 37, "status": 429, "headers": {"Retry-After": "1"}},
    {"every": 43, "drop": True},
    {"every": 53, "drop": True, "late": True},
]


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    """The one loopback of this session's tests."""
    folder = tmp_path_factory.mktemp("azure")
    image = {"XDG_CACHE_HOME": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    with Loopback(folder, azurite(), PYTHON, image, server()) as loopback:
        yield loopback


@pytest.fixture
def peace(azure: Loopback) -> Iterator[Loopback]:
    """The loopback, of which no test leaves trouble behind."""
    yield azure
    azure.peace()


@pytest.fixture(scope="session")
def here(azure: Loopback, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    """The loopback, and this process is a client of it."""
    with pytest.MonkeyPatch.context() as patch:
        # SDK v1 remembers there what it has uploaded to a workspace of that id.
        home = {"HOME": str(tmp_path_factory.mktemp("user"))}
        wanted = azure.environment(dict(os.environ) | home)
        for name in set(os.environ) - set(wanted):
            patch.delenv(name)
        for name, value in wanted.items():
            patch.setenv(name, value)
        yield azure


@pytest.fixture(scope="class")
def bad_weather(here: Loopback) -> Iterator[None]:
    """Of the service's answers some are 503 or 429, and some never come."""
    for rule in _WEATHER:
        here.trouble("", skip=rule["every"], times=1_000_000, **rule)
    yield
    here.peace()


@pytest.fixture(scope="session")
def submits(azure: Loopback, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Submits]:
    """fledge in the environment that has an SDK, "v2" or "v1", in a folder of its own."""
    with ExitStack() as stack:

        @cache
        def commands(sdk: str) -> Commands:
            folder, needed = tmp_path_factory.mktemp("c"), f"fledge_azureml.workspace_{sdk}"
            # Of an SDK, the import alone takes seconds.
            return stack.enter_context(Commands(folder, submitters(azure, folder), sdk_python(sdk), [needed]))

        yield lambda sdk, folder: client(sdk_python(sdk), folder, azure, commands(sdk))


@pytest.fixture
def submit_v2(submits: Submits, tmp_path: Path) -> Client:
    """In a folder of the test's own."""
    return submits("v2", tmp_path / "work")


@pytest.fixture
def submit_v1(submits: Submits, tmp_path: Path) -> Client:
    """In a folder of the test's own."""
    return submits("v1", tmp_path / "work")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a script, below one in which the workspace's config.json is."""
    (tmp_path / ".azureml").mkdir()
    (tmp_path / ".azureml" / "config.json").write_text(json.dumps(CONFIG))
    here = tmp_path / "project" / "deep"
    here.mkdir(parents=True)
    (here / "s.py").write_text("print('hello')")
    return here
