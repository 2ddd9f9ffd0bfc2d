"""Where fledge keeps things on this machine."""

import os
from pathlib import Path

import platformdirs

from fledge.spec.paths import absolute


def home() -> Path:
    """FLEDGE_HOME, or `.fledge` in the working folder: runs and models. Absolute; need not exist."""
    return absolute(Path(os.environ.get("FLEDGE_HOME") or ".fledge"), Path.cwd())


def cache() -> Path:
    """The user's cache folder for fledge: downloads, weights, indexes. Absolute; need not exist."""
    return platformdirs.user_cache_path("fledge").resolve()


def config() -> Path:
    """The user's folder for fledge's settings. Absolute; need not exist."""
    return platformdirs.user_config_path("fledge").resolve()


def runs(home: Path) -> Path:
    return home / "runs"
