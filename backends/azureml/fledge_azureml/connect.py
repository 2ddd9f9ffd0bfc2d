"""Connecting to a workspace by whichever of Microsoft's two SDKs is chosen, and installed."""

import logging
import sys
from importlib.util import find_spec

from fledge import UsageError

from fledge_azureml.extras import install
from fledge_azureml.options import WorkspaceOptions
from fledge_azureml.request import WorkspaceName
from fledge_azureml.workspace import Workspace

# What each needs, by which it is known to be there.
_MODULES = {"v2": ("azure.ai.ml", "azure.identity"), "v1": ("azureml.core", "azure.identity")}
_V1_HAS_ENDED = (
    "azureml: speaking by Microsoft's SDK v1, whose support ended on 2026-06-30; "
    f"the one that took its place has an environment of its own; {install('v2')}"
)
# Before they are imported, by whomever: they warn of themselves, and what nobody has given a handler goes to standard
# error.
for _package in ("azure", "azureml", "msal", "msrest", "urllib3"):
    logging.getLogger(_package).addHandler(logging.NullHandler())
_told = False


def connect(options: WorkspaceOptions, name: WorkspaceName) -> Workspace:
    """Asks nobody yet. Raises UsageError where the SDK is not installed."""
    sdk = _chosen(options.sdk)
    # Imported late: each takes seconds, and has an environment of its own.
    if sdk == "v2":
        from fledge_azureml.workspace_v2 import WorkspaceV2

        return WorkspaceV2(name)
    from fledge_azureml.workspace_v1 import WorkspaceV1

    _say_once()
    return WorkspaceV1(name)


def _chosen(wanted: str) -> str:
    there = [sdk for sdk in _MODULES if _is_there(sdk)]
    if wanted == "auto" and there:
        return there[0]
    if wanted in there:
        return wanted
    sdk = "v2" if wanted == "auto" else wanted
    others = f"; {' and '.join(there)} is, which backend.sdk=auto takes" if there else ""
    raise UsageError(
        f"Microsoft's SDK {sdk} for Azure Machine Learning is not installed here{others}",
        hint=install(sdk),
    )


def _is_there(sdk: str) -> bool:
    try:
        return all(find_spec(module) is not None for module in _MODULES[sdk])
    except ModuleNotFoundError:
        return False


def _say_once() -> None:
    global _told
    if not _told:
        print(_V1_HAS_ENDED, file=sys.stderr)
        _told = True
