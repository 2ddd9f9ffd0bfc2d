"""Which plugins are switched off: by a file of the user's, and by FLEDGE_DISABLE_PLUGINS.

Both hold names of plugins or of distributions; the file one a line, the variable with commas between them. Looked at
before any plugin is imported.
"""

import os
from pathlib import Path

from fledge.atomic import write_atomic
from fledge.discovery.plugin import Plugin
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


def change(name: str, *, off: bool) -> None:
    """Have a name in the file, or not. Several commands may do so at once, and none undoes what another did."""
    # Imported late: every command is asked what is disabled, and next to none changes it.
    from filelock import FileLock

    path = disabled_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f"{path.name}.lock")):
        names = by_file() | {name} if off else by_file() - {name}
        write_atomic(path, "".join(f"{name}\n" for name in sorted(names)))


def remedy(plugin: Plugin) -> str:
    """What has a disabled plugin take part again."""
    steps = [f"fledge plugins enable {name}" for name in sorted(by_file()) if plugin.called(frozenset({name}))]
    for name in sorted(by_variable()):
        if plugin.called(frozenset({name})):
            steps.append(f"leave {name!r} out of the variable {VARIABLE}")
    return ", and ".join(steps)


def disabled_file() -> Path:
    return config() / "disabled-plugins"
