"""The workspace's models keep the promises of every registry, by the SDK that is here against the loopback Azure.

make test-azure has it run once in each SDK's environment.
"""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from fledge import ModelVersion
from fledge.testing import RegistryContract
from installed import PYTHON, azurite
from loopback.program import WORKSPACE_CONFIG, Loopback

pytestmark = [
    pytest.mark.azure,
    # The SDKs' own, of what they are built on.
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(not (find_spec("azure") or find_spec("azureml")), reason="no SDK of Azure's is installed here"),
]


class TestAzureMLRegistry(RegistryContract, offer="azureml"):
    loopback: Loopback

    @pytest.fixture(autouse=True)
    def fresh(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
        folder, here = tmp_path / "azure", tmp_path / "here"
        folder.mkdir()
        here.mkdir()
        (here / "config.json").write_text(json.dumps(WORKSPACE_CONFIG))
        monkeypatch.chdir(here)
        with Loopback(folder, azurite(), PYTHON) as azure:
            for name, value in azure.variables.items():
                monkeypatch.setenv(name, value)
            self.loopback = azure
            yield azure

    def damage(self, version: ModelVersion, home: Path, content: bytes) -> bool:
        return self.loopback.damage(content)

    def lose(self, version: ModelVersion, home: Path, content: bytes) -> bool:
        return self.loopback.damage(content, lose=True)
