"""What `make test-azure` sets up: an environment for each SDK and one of a deployment, and Azurite."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOLDER = Path(os.environ.get("FLEDGE_TESTS_AZURE", ROOT / ".venv-azure"))
# The interpreter of the nodes that jobs run on, where these tests run in an SDK's environment.
PYTHON = Path(os.environ.get("FLEDGE_TESTS_AZURE_PYTHON", sys.executable))


def azurite() -> Path:
    return _there(FOLDER / "azurite" / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js")


def server() -> Path | None:
    """Azure's inference server, in an environment as a deployment's image has it: without torch, and without fledge."""
    found = FOLDER / "serving" / "bin" / "azmlinfsrv"
    return found if found.exists() else None


def sdk_python(sdk: str) -> Path:
    """The interpreter that has the SDK."""
    return _there(FOLDER / sdk / "bin" / "python")


def _there(path: Path) -> Path:
    if not path.exists():
        pytest.fail(f"there is no {path}: make test-azure sets it up")
    return path
