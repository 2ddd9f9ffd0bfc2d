"""ExporterContract: what every exporter promises, beside what every extension does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fledge.errors import DataError
from fledge.interfaces.exporter import Predictor
from fledge.testing.contracts.extension import ExtensionContract

_CLASSES, _EDGE = 3, 24
_METADATA = {"classes": '["röd", "blå", "grön"]', "run": "20260101-000000-000abcd"}
# A share of the largest logit: what the number format may cost.
_TOLERANCE = {"fp32": 1e-4, "fp16": 0.02, "int8": 0.25}


class _Network(nn.Module):
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Linear(8, _CLASSES),
        )  # fmt: skip
        self.register_buffer("scale", torch.tensor(1 / 255))

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.layers(images.to(self.scale.dtype) * self.scale)
        return logits


class ExporterContract(ExtensionContract):
    @pytest.fixture(scope="class")
    @classmethod
    def network(cls) -> nn.Module:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return _Network().eval().requires_grad_(False)

    @pytest.fixture(scope="class")
    @classmethod
    def written(cls, network: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """The file, alone in its folder."""
        contract = cls()
        path = tmp_path_factory.mktemp("exported") / f"model.{contract._named()}"
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        contract.make().write(network, torch.from_numpy(images(2)), _calibration, _METADATA, path)
        assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items()), (
            "writing changed the network"
        )
        return path

    @pytest.fixture(scope="class")
    @classmethod
    def predictor(cls, written: Path) -> Predictor:
        predictor: Predictor = type(cls().make()).open(written)
        return predictor

    def test_one_file_holds_everything(self, written: Path) -> None:
        assert [path.name for path in written.parent.iterdir()] == [written.name]

    @pytest.mark.parametrize("count", [1, 2, 7])
    def test_it_answers_as_the_network_does(self, network: nn.Module, predictor: Predictor, count: int) -> None:
        pixels = images(count)
        expected, found = network(torch.from_numpy(pixels)).numpy(), predictor(pixels)
        assert found.dtype == np.dtype(np.float32)
        assert found.shape == (count, _CLASSES)
        assert np.abs(found - expected).max() <= _TOLERANCE[self.make().precision] * np.abs(expected).max()

    def test_an_images_answer_is_its_own(self, predictor: Predictor) -> None:
        pixels = images(5)
        alone = np.concatenate([predictor(pixels[at : at + 1]) for at in range(5)])
        np.testing.assert_allclose(predictor(pixels), alone, rtol=1e-3, atol=1e-4)

    def test_it_keeps_what_it_was_told(self, predictor: Predictor) -> None:
        assert {key: predictor.metadata[key] for key in _METADATA} == _METADATA

    def test_it_is_opened_without_torch(self, written: Path, predictor: Predictor) -> None:
        pixels = images(2)
        code = (
            "import numpy as np, pathlib\n"
            "opened = make()[0].open(pathlib.Path(sys.argv[1]))\n"
            f"pixels = np.random.default_rng(0).integers(0, 256, {pixels.shape}, dtype=np.uint8)\n"
            "print(json.dumps({'logits': opened(pixels).tolist(), 'torch': 'torch' in sys.modules}))"
        )
        told = self.elsewhere(code, written)
        np.testing.assert_allclose(told["logits"], predictor(pixels), rtol=1e-4, atol=1e-5)
        assert not told["torch"], "whoever opens the file need not have torch"

    def test_any_thread_may_ask(self, predictor: Predictor) -> None:
        from concurrent.futures import ThreadPoolExecutor

        pixels = images(2)
        with ThreadPoolExecutor(4) as pool:
            for one in pool.map(lambda _: predictor(pixels), range(20)):
                np.testing.assert_allclose(one, predictor(pixels), rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("content", [b"", b"no such file at all", bytes(1000)])
    def test_what_is_no_such_file_is_refused(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / f"model.{self._named()}"
        path.write_bytes(content)
        with pytest.raises(DataError, match=path.name):
            type(self.make()).open(path)

    def test_a_run_exports_with_a_certificate(self, home: Path) -> None:
        outcome = self.fledge(home, "--dataset", "squares", "--model", "small", "--set", "training.epochs=2")
        exported = sorted(Path(name).name for name in outcome["outputs"] if Path(name).name.startswith("model"))
        name = exported[0]
        assert Path(name).suffix == f".{self._named()}"
        assert exported == [name, f"{name}.parity.json"]


def images(count: int) -> NDArray[Any]:
    return np.random.default_rng(0).integers(0, 256, (count, 3, _EDGE, _EDGE), dtype=np.uint8)


def _calibration() -> Iterator[NDArray[Any]]:
    yield images(32)
