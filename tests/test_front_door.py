"""The names that plugins import."""

import subprocess
import sys

import fledge
import pytest

NAMES = """
Choices ClusterInfo Clusters ComputeBackend DATA_FOLDER DataError Dataset Deployable Deployed Deployer Domain Exporter
Finding FledgeError FolderDataset FolderOptions Group Job Launcher LogChunk Model ModelVersion NativeTrial Offer Options
Parallel ParameterGroup Place PluginError Policy Predictor Preprocessing Progress Range Registry RegistryError Request
Resources Run RunError RunInfo RunRef RunState SPLITS Sample Scoring Search SingleGroup Snapshot SourceFile SpecError
Split Status Sweeper TRY_AGAIN Tracker Trained UnknownName UsageError download file_sha256 hookimpl log no_progress
placeholder ranks_command replaced tensors_sha256 unpack write_atomic written
"""


def test_the_front_door_is_exactly_this() -> None:
    assert fledge.__all__ == NAMES.split()
    assert dir(fledge) == fledge.__all__


@pytest.mark.parametrize("name", NAMES.split())
def test_every_name_is_there(name: str) -> None:
    assert getattr(fledge, name) is not None


def test_another_name_is_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = fledge.nonsense


def test_importing_fledge_imports_nothing_heavy() -> None:
    code = (
        "import sys, fledge; print([n for n in ('torch', 'numpy', 'pydantic', 'pluggy', 'typer') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_error_survives_the_way_between_processes() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(fledge.DataError("torn.jpg cannot be decoded", hint="replace it")))
    assert str(error) == "torn.jpg cannot be decoded\n  replace it"
