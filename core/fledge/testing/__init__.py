"""What proves that a plugin, a backend or a run keeps its promises. Ships with fledge; the contracts need pytest."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fledge.testing.chaos import ChaosBackend as ChaosBackend
    from fledge.testing.contracts.backend import BackendContract as BackendContract
    from fledge.testing.contracts.clusters import ClustersContract as ClustersContract
    from fledge.testing.contracts.dataset import DatasetContract as DatasetContract
    from fledge.testing.contracts.exporter import ExporterContract as ExporterContract
    from fledge.testing.contracts.extension import ExtensionContract as ExtensionContract
    from fledge.testing.contracts.launcher import LauncherContract as LauncherContract
    from fledge.testing.contracts.model import ModelContract as ModelContract
    from fledge.testing.contracts.registry import RegistryContract as RegistryContract
    from fledge.testing.contracts.sweeper import SweeperContract as SweeperContract
    from fledge.testing.contracts.tracker import TrackerContract as TrackerContract
    from fledge.testing.finished import FinishedRun as FinishedRun
    from fledge.testing.in_process import InProcessBackend as InProcessBackend

_HOME = {
    "ChaosBackend": "fledge.testing.chaos",
    "BackendContract": "fledge.testing.contracts.backend",
    "ClustersContract": "fledge.testing.contracts.clusters",
    "DatasetContract": "fledge.testing.contracts.dataset",
    "ExporterContract": "fledge.testing.contracts.exporter",
    "ExtensionContract": "fledge.testing.contracts.extension",
    "LauncherContract": "fledge.testing.contracts.launcher",
    "ModelContract": "fledge.testing.contracts.model",
    "RegistryContract": "fledge.testing.contracts.registry",
    "SweeperContract": "fledge.testing.contracts.sweeper",
    "TrackerContract": "fledge.testing.contracts.tracker",
    "FinishedRun": "fledge.testing.finished",
    "InProcessBackend": "fledge.testing.in_process",
}
__all__ = sorted(_HOME)  # noqa: PLE0605 -- a list of strings, which the rule cannot see


def __getattr__(name: str) -> Any:
    # Imported late: a worker under test takes its faults from here, and has no pytest where it runs.
    if name not in _HOME:
        raise AttributeError(f"module 'fledge.testing' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
