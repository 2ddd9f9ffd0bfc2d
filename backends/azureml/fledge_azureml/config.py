"""Which workspace: told by options, else by the config.json that the studio hands out."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fledge import UsageError

from fledge_azureml.facts import RESOURCE_GROUP, SUBSCRIPTION, WORKSPACE, NameRule
from fledge_azureml.options import WorkspaceOptions
from fledge_azureml.request import WorkspaceName

KEYS = ("subscription_id", "resource_group", "workspace_name")
# The keys as options are named, and what the service allows.
_OPTIONS = {
    "subscription_id": ("subscription_id", SUBSCRIPTION),
    "resource_group": ("resource_group", RESOURCE_GROUP),
    "workspace_name": ("workspace", WORKSPACE),
}
_PLACES = (".azureml", ".", "aml_config")
_EXAMPLE = (
    '{"subscription_id": "01234567-89ab-cdef-0123-456789abcdef", "resource_group": "my-group", '
    '"workspace_name": "my-workspace"}'
)
_HINT = (
    f"save one in the working folder, such as {_EXAMPLE} (the studio, ml.azure.com, has it to download, below the "
    "workspace's name at the top right), or set backend.subscription_id, backend.resource_group and backend.workspace"
)


def workspace_name(options: WorkspaceOptions, *folders: Path) -> WorkspaceName:
    """Reads files, and asks nobody. `folders`: where to look, each and its parents, one after the other.

    Raises UsageError: no config.json, one without what is needed, names that cannot be.
    """
    told = {key: getattr(options, option) for key, (option, _) in _OPTIONS.items()}
    source = "the options"
    if not all(told.values()):
        path, content = _config(options.config, folders)
        source = str(path)
        for key in KEYS:
            told[key] = told[key] or content.get(key)
    missing = [key for key in KEYS if not told[key]]
    if missing:
        raise UsageError(f"{source} does not say {' and '.join(missing)}", hint=f"what it is to hold: {_EXAMPLE}")
    for key, (_, rule) in _OPTIONS.items():
        _check(told[key], rule, key, source)
    return WorkspaceName(**told)


def _check(name: Any, rule: NameRule, key: str, source: str) -> None:
    if not isinstance(name, str) or not rule.fits(name):
        raise UsageError(f"{key} = {name!r}, from {source}, names no {rule.what}", hint=f"it is {rule.words}")


def _config(told: Path | None, folders: tuple[Path, ...]) -> tuple[Path, dict[str, Any]]:
    if told is not None and not told.is_dir():
        return told, _read(told)
    searched = list(dict.fromkeys(place for folder in ((told,) if told else folders) for place in _above(folder)))
    unread: list[Path] = []
    for path in (folder / place / "config.json" for folder in searched for place in _PLACES):
        try:
            data = path.read_bytes() if path.is_file() else b""
        except OSError:
            unread.append(path)
            continue
        # Other programs call their files so, too, and not all of theirs are JSON. PowerShell's are UTF-16.
        names_one = any(key.encode() in data.replace(b"\0", b"") for key in KEYS)
        if names_one and any(key in (content := _parsed(path, data)) for key in KEYS):
            return path, content
    raise UsageError(
        "there is no config.json that names a workspace of Azure Machine Learning: looked in "
        + ", ".join(map(str, searched))
        + f", and in {_PLACES[0]}/ and {_PLACES[2]}/ of each, for one with {', '.join(KEYS)}"
        + "".join(f"; {path} cannot be read" for path in unread),
        hint=_HINT,
    )


def _above(folder: Path) -> Iterator[Path]:
    folder = folder.resolve()
    yield folder
    yield from folder.parents


def _read(path: Path) -> dict[str, Any]:
    try:
        return _parsed(path, path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", hint=_HINT) from None


def _parsed(path: Path, data: bytes) -> dict[str, Any]:
    try:
        content = json.loads(data)
    except ValueError as error:
        raise UsageError(f"{path} is not JSON: {error}", hint=f"what it is to hold: {_EXAMPLE}") from None
    return content if isinstance(content, dict) else {}
