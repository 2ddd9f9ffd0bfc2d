"""The Azure ML backend keeps the promises of every backend on the loopback, on a bad day, by the SDK that is here.

The backend is within a `ChaosBackend`, and the service has its troubles too.

Calls the backend in this process: make test-azure has it run once in each SDK's environment.
"""

from importlib.util import find_spec
from pathlib import Path

import pytest
from fledge import ComputeBackend
from fledge.testing import BackendContract, ChaosBackend
from fledge_azureml.backend import AzureML
from fledge_azureml.options import AzureMLOptions
from loopback.program import Loopback
from loopback.state import GROUP, SUBSCRIPTION, WORKSPACE

pytestmark = [
    pytest.mark.azure,
    # Those who are killed while they submit import an SDK under a profiler, one after the other.
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not (find_spec("azure") or find_spec("azureml")), reason="no SDK of Azure's is installed here"),
]


@pytest.mark.usefixtures("bad_weather")
class TestAzureML(BackendContract):
    @pytest.fixture
    def backend(self, here: Loopback, tmp_path: Path) -> ComputeBackend:
        where = {"subscription_id": SUBSCRIPTION, "resource_group": GROUP, "workspace": WORKSPACE}
        options = AzureMLOptions(**where, size="Standard_DS3_v2", max_nodes=4)
        # A good day would prove nothing more.
        return ChaosBackend(AzureML(options, tmp_path / "home"), seed=0)
