"""The Azure ML backend keeps the promises of every backend with clusters on the loopback, on a bad day, by the SDK that
is here.

Calls the backend in this process: make test-azure has it run once in each SDK's environment.
"""

from importlib.util import find_spec

import pytest
from fledge.testing import ClustersContract
from loopback.state import GROUP, SUBSCRIPTION, WORKSPACE

pytestmark = [
    pytest.mark.azure,
    pytest.mark.skipif(not (find_spec("azure") or find_spec("azureml")), reason="no SDK of Azure's is installed here"),
]
_WHERE = {"subscription_id": SUBSCRIPTION, "resource_group": GROUP, "workspace": WORKSPACE}


@pytest.mark.usefixtures("bad_weather")
class TestAzureML(ClustersContract, offer="azureml", options=_WHERE):
    changes = {"min_nodes": 1, "idle_seconds": 60}
    settled = {"size": "Standard_DS3_v2", "priority": "low_priority"}
