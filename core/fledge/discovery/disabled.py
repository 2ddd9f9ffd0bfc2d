"""Which plugins are switched off: by a file of the user's, and by FLEDGE_DISABLE_PLUGINS.

Both hold names of plugins or of distributions; the file one a line, the variable with commas between them. Looked at
before any plugin is imported.
"""

import os
from pathlib import Path

from fledge.atomic import write_atomic
from fledge.runs.places import config

VARIABLE = "FLEDGE_DISABLE_PLUGINS"


def by_variable() -> frozenset[str]:
    return frozenset(name.strip() for name in os.environ.get(VARIABLE, "").split(",") if name.strip())


def by_file() -> frozenset[str]:
    """Empty where the file is absent. Raises OSError where it cannot be read."""
    try:
        lines = disabled_file().read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return frozenset()
    return frozenset(line.strip() for line in lines if line.strip())


def keep(names: frozenset[str]) -> None:
    """Have exactly these in the file."""
    path = disabled_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, "".join(f"{name}\n" for name in sorted(names)))


def disabled_file() -> Path:
    return config() / "disabled-plugins"
