"""The data set that `fledge plugins new` writes, when many prepare it at once and when one is killed."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Fledge

_PREPARES = """
import json, os, signal, sys
from pathlib import Path
from fledge_stripes.dataset import Stripes
from fledge_stripes.options import StripesOptions

def progress(what, done, total, unit=""):
    if what == "drawing stripes" and done == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

dataset = Stripes(StripesOptions())
dataset.prepare(Path(sys.argv[1]), progress, warn=lambda line: None)
print(json.dumps([sample.fingerprint for sample in dataset.split("train")]))
"""


@pytest.fixture
def environment(fledge: "Fledge") -> dict[str, str]:
    """In which the new data set `stripes` can be imported."""
    fledge("plugins", "new", "dataset", "stripes")
    return fledge.environment | {"PYTHONPATH": str(fledge.folder / "stripes")}


def preparing(cache: Path, environment: dict[str, str], *, killed_at: int = 0) -> "subprocess.Popen[str]":
    words = [sys.executable, "-c", _PREPARES, str(cache), str(killed_at)]
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)


def test_a_kill_leaves_nothing_behind_for_good(environment: dict[str, str], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for killed_at in (5, 20):
        process = preparing(cache, environment, killed_at=killed_at)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    assert [path for path in cache.iterdir() if "partial" in path.name]
    told, _ = preparing(cache, environment).communicate()
    assert len(set(json.loads(told))) == 32
    assert [path for path in cache.rglob("*") if "partial" in path.name] == []


def test_many_at_once_get_the_same(environment: dict[str, str], tmp_path: Path) -> None:
    processes = [preparing(tmp_path / "cache", environment) for _ in range(4)]
    told = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [os.EX_OK] * 4
    assert len(set(told)) == 1
