"""A node whose environment has a Python that fledge cannot run by: it ends at once, and says so."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import fledge_azureml_node
import pytest
from azure_upload import FIRST, Rank, upload

STARTS = {"package": ("-m", "fledge_azureml_node"), "file": ("fledge_azureml_node/script.py",)}
# The same, by this Python that says it is another.
_OLD = "import runpy, sys\nsys.version_info = (3, 10, 13, 'final', 0)\n"
DISGUISED = {
    "package": ("-c", f"{_OLD}runpy.run_module('fledge_azureml_node', run_name='__main__', alter_sys=True)"),
    "file": ("-c", f"{_OLD}runpy.run_path('fledge_azureml_node/script.py', run_name='__main__')"),
}
REASON = (
    "this environment has Python {}, and fledge needs 3.11 or newer: leave backend.environment out, or name another"
)


def ends(folder: Path, command: tuple[str, ...], python: str, version: str) -> None:
    rank = Rank.start(upload(folder, "print('begins')"), FIRST, command=command, python=python)
    assert (rank.ended(), rank.said()) == (1, f"error: {REASON.format(version)}\n")
    told = json.loads((folder / "outputs" / "ended-2.json").read_text())
    assert told == {"code": 1, "asked": False, "reason": REASON.format(version)}


@pytest.mark.parametrize("start", STARTS)
def test_an_old_python_is_named_and_nothing_begins(tmp_path: Path, start: str) -> None:
    ends(tmp_path / "code", DISGUISED[start], sys.executable, "3.10")


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10"])
def test_a_real_one_is_named_too(tmp_path: Path, version: str, start: str) -> None:
    ends(tmp_path / "code", STARTS[start], _interpreter(version), version)


@pytest.mark.parametrize("name", ["__init__.py", "least_python.py", "script.py"])
def test_what_comes_before_reads_back_to_3_8(name: str) -> None:
    source = (Path(fledge_azureml_node.__file__).parent / name).read_text()
    ast.parse(source, feature_version=(3, 8))


def _interpreter(version: str) -> str:
    """On the PATH, or beside this one, where those who keep several have them."""
    beside = Path(sys.base_prefix).parent.glob(f"*{version}.*/bin/python3")
    for found in (*map(str, beside), shutil.which(f"python{version}")):
        if found and subprocess.run([found, "-c", "0"], capture_output=True).returncode == 0:
            return found
    pytest.skip(f"there is no Python {version} here")
