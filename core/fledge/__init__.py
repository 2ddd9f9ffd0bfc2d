"""fledge: fine-tune an image classifier here, then send the identical run to a cluster by changing one flag.

This is the front door. Plugins import from here and nowhere else; nothing below is imported
until it is used, so that `import fledge` costs a script next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fledge.atomic import replaced as replaced
    from fledge.atomic import write_atomic as write_atomic
    from fledge.data.archive import unpack as unpack
    from fledge.data.download import download as download
    from fledge.data.folder import FolderDataset as FolderDataset
    from fledge.data.folder_options import FolderOptions as FolderOptions
    from fledge.data.preprocessing import Preprocessing as Preprocessing
    from fledge.digest import file_sha256 as file_sha256
    from fledge.digest import tensors_sha256 as tensors_sha256
    from fledge.errors import DataError as DataError
    from fledge.errors import FledgeError as FledgeError
    from fledge.errors import PluginError as PluginError
    from fledge.errors import RegistryError as RegistryError
    from fledge.errors import RunError as RunError
    from fledge.errors import SpecError as SpecError
    from fledge.errors import UnknownName as UnknownName
    from fledge.errors import UsageError as UsageError
    from fledge.hooks import Offer as Offer
    from fledge.hooks import hookimpl as hookimpl
    from fledge.interfaces.backend import ComputeBackend as ComputeBackend
    from fledge.interfaces.backend import Finding as Finding
    from fledge.interfaces.backend import LogChunk as LogChunk
    from fledge.interfaces.backend import Request as Request
    from fledge.interfaces.backend import RunRef as RunRef
    from fledge.interfaces.backend import Status as Status
    from fledge.interfaces.clusters import ClusterInfo as ClusterInfo
    from fledge.interfaces.clusters import Clusters as Clusters
    from fledge.interfaces.dataset import SPLITS as SPLITS
    from fledge.interfaces.dataset import Dataset as Dataset
    from fledge.interfaces.dataset import Sample as Sample
    from fledge.interfaces.dataset import Split as Split
    from fledge.interfaces.deployer import Deployable as Deployable
    from fledge.interfaces.deployer import Deployed as Deployed
    from fledge.interfaces.deployer import Deployer as Deployer
    from fledge.interfaces.exporter import Exporter as Exporter
    from fledge.interfaces.exporter import Predictor as Predictor
    from fledge.interfaces.job import DATA_FOLDER as DATA_FOLDER
    from fledge.interfaces.job import TRY_AGAIN as TRY_AGAIN
    from fledge.interfaces.job import Job as Job
    from fledge.interfaces.job import Resources as Resources
    from fledge.interfaces.job import Snapshot as Snapshot
    from fledge.interfaces.job import SourceFile as SourceFile
    from fledge.interfaces.launcher import Group as Group
    from fledge.interfaces.launcher import Launcher as Launcher
    from fledge.interfaces.launcher import Parallel as Parallel
    from fledge.interfaces.launcher import Place as Place
    from fledge.interfaces.model import Model as Model
    from fledge.interfaces.model import ParameterGroup as ParameterGroup
    from fledge.interfaces.options import Options as Options
    from fledge.interfaces.progress import Progress as Progress
    from fledge.interfaces.progress import no_progress as no_progress
    from fledge.interfaces.registry import ModelVersion as ModelVersion
    from fledge.interfaces.registry import Registry as Registry
    from fledge.interfaces.run import RunInfo as RunInfo
    from fledge.interfaces.run import Trained as Trained
    from fledge.interfaces.search import Choices as Choices
    from fledge.interfaces.search import Domain as Domain
    from fledge.interfaces.search import Policy as Policy
    from fledge.interfaces.search import Range as Range
    from fledge.interfaces.search import Search as Search
    from fledge.interfaces.search import placeholder as placeholder
    from fledge.interfaces.search import written as written
    from fledge.interfaces.state import RunState as RunState
    from fledge.interfaces.sweeper import NativeTrial as NativeTrial
    from fledge.interfaces.sweeper import Sweeper as Sweeper
    from fledge.interfaces.tracker import Tracker as Tracker
    from fledge.launchers.command import ranks_command as ranks_command
    from fledge.launchers.single import SingleGroup as SingleGroup
    from fledge.metrics import log as log
    from fledge.notebook import Run as Run
    from fledge.serving.scoring import Scoring as Scoring

_HOME = {
    "replaced": "fledge.atomic",
    "write_atomic": "fledge.atomic",
    "unpack": "fledge.data.archive",
    "download": "fledge.data.download",
    "FolderDataset": "fledge.data.folder",
    "FolderOptions": "fledge.data.folder_options",
    "Preprocessing": "fledge.data.preprocessing",
    "file_sha256": "fledge.digest",
    "tensors_sha256": "fledge.digest",
    "DataError": "fledge.errors",
    "FledgeError": "fledge.errors",
    "PluginError": "fledge.errors",
    "RegistryError": "fledge.errors",
    "RunError": "fledge.errors",
    "SpecError": "fledge.errors",
    "UnknownName": "fledge.errors",
    "UsageError": "fledge.errors",
    "Offer": "fledge.hooks",
    "hookimpl": "fledge.hooks",
    "ComputeBackend": "fledge.interfaces.backend",
    "Finding": "fledge.interfaces.backend",
    "LogChunk": "fledge.interfaces.backend",
    "Request": "fledge.interfaces.backend",
    "RunRef": "fledge.interfaces.backend",
    "Status": "fledge.interfaces.backend",
    "ClusterInfo": "fledge.interfaces.clusters",
    "Clusters": "fledge.interfaces.clusters",
    "SPLITS": "fledge.interfaces.dataset",
    "Dataset": "fledge.interfaces.dataset",
    "Sample": "fledge.interfaces.dataset",
    "Split": "fledge.interfaces.dataset",
    "DATA_FOLDER": "fledge.interfaces.job",
    "TRY_AGAIN": "fledge.interfaces.job",
    "Deployable": "fledge.interfaces.deployer",
    "Deployed": "fledge.interfaces.deployer",
    "Deployer": "fledge.interfaces.deployer",
    "Exporter": "fledge.interfaces.exporter",
    "Predictor": "fledge.interfaces.exporter",
    "Job": "fledge.interfaces.job",
    "Resources": "fledge.interfaces.job",
    "Snapshot": "fledge.interfaces.job",
    "SourceFile": "fledge.interfaces.job",
    "Group": "fledge.interfaces.launcher",
    "Launcher": "fledge.interfaces.launcher",
    "Parallel": "fledge.interfaces.launcher",
    "Place": "fledge.interfaces.launcher",
    "Model": "fledge.interfaces.model",
    "ParameterGroup": "fledge.interfaces.model",
    "Options": "fledge.interfaces.options",
    "Progress": "fledge.interfaces.progress",
    "no_progress": "fledge.interfaces.progress",
    "ModelVersion": "fledge.interfaces.registry",
    "Registry": "fledge.interfaces.registry",
    "RunInfo": "fledge.interfaces.run",
    "Trained": "fledge.interfaces.run",
    "Choices": "fledge.interfaces.search",
    "Domain": "fledge.interfaces.search",
    "Policy": "fledge.interfaces.search",
    "Range": "fledge.interfaces.search",
    "Search": "fledge.interfaces.search",
    "placeholder": "fledge.interfaces.search",
    "written": "fledge.interfaces.search",
    "RunState": "fledge.interfaces.state",
    "NativeTrial": "fledge.interfaces.sweeper",
    "Sweeper": "fledge.interfaces.sweeper",
    "Tracker": "fledge.interfaces.tracker",
    "ranks_command": "fledge.launchers.command",
    "SingleGroup": "fledge.launchers.single",
    "log": "fledge.metrics",
    "Run": "fledge.notebook",
    "Scoring": "fledge.serving.scoring",
}
__all__ = sorted(_HOME)  # noqa: PLE0605 -- a list of strings, which the rule cannot see


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'fledge' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
