"""Whether a fork can be what its client would have been: what was read when a process began cannot be read again."""

import os
import sys
from collections.abc import Mapping

# Of a run, of a shell, of one of many processes (read when they meet); and one that a fork heeds by other means.
_FREE = ("FLEDGE_", "XDG_", "HOROVOD_")
_FREE_NAMES = {
    "HOME", "PWD", "OLDPWD", "SHLVL", "_", "PYTHONUNBUFFERED",
    "RANK", "LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT",
    "GLOO_SOCKET_IFNAME",
}  # fmt: skip
_PATH = "PYTHONPATH"


def further_paths(wanted: Mapping[str, str], begun: Mapping[str, str]) -> list[str] | None:
    """What a process that began in the environment `begun` lacks on its path to be one that began in `wanted`.

    None where nothing makes it one: another variable differs, or what has been imported might be found there first.
    """
    if _fixed(wanted) != _fixed(begun):
        return None
    theirs, mine = (told[_PATH].split(os.pathsep) if told.get(_PATH) else [] for told in (wanted, begun))
    further = theirs[len(mine) :]
    if theirs[: len(mine)] != mine or any(_was_imported(folder) for folder in further):
        return None
    return further


def take(further: list[str], begun: Mapping[str, str]) -> None:
    """Have them on the path of this process, where a process that began with them has them."""
    # Behind what the environment had named, which comes first: python -P puts nothing before it.
    at = len(begun[_PATH].split(os.pathsep)) if begun.get(_PATH) else 0
    sys.path[at:at] = further


def _fixed(environment: Mapping[str, str]) -> dict[str, str]:
    free = {*_FREE_NAMES, _PATH}
    return {key: value for key, value in environment.items() if key not in free and not key.startswith(_FREE)}


def _was_imported(folder: str) -> bool:
    try:
        names = {name.partition(".")[0] for name in os.listdir(folder)}  # noqa: PTH208 -- names are all it takes
    except OSError:
        return False
    return not names.isdisjoint({*sys.modules, "sitecustomize", "usercustomize"})
