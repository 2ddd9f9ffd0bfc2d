"""`fledge run --backend azureml --dry-run`, where a workspace is named by nobody but the test."""

import os
import subprocess
import sys
from pathlib import Path

CONFIG = {
    "subscription_id": "01234567-89ab-cdef-0123-456789abcdef",
    "resource_group": "birds",
    "workspace_name": "aviary",
}
TOLD = {"subscription_id": CONFIG["subscription_id"], "resource_group": "birds", "workspace": "aviary"}


def fledge(folder: Path, *words: str, status: int = 0) -> tuple[str, str]:
    """Standard output and error of the command, in the folder."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FLEDGE_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", "fledge", *words],
        cwd=folder,
        env=environment | {"XDG_CACHE_HOME": str(folder / "cache"), "XDG_CONFIG_HOME": str(folder / "config")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == status, f"{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout, done.stderr


def dry_run(*settings: str) -> list[str]:
    words = [word for one in settings for word in ("--set", one)]
    return ["run", "--script", "s.py", "--backend", "azureml", "--dry-run", *words]
