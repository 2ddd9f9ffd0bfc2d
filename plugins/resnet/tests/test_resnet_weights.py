"""A person's own checkpoint file: what is understood, and what is said about what does not fit."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from fledge import DataError, tensors_sha256
from fledge_resnet.model import ResNet, ResNet18, ResNet34
from fledge_resnet.options import ResNetOptions
from fledge_resnet.weights.pins import PINS
from safetensors.torch import save_file

OFFICIAL = Path(__file__).parents[3].parent / "shared/weights/resnet18-f37072fd.pth"
State = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def state() -> State:
    return dict(torchvision.models.resnet18(weights=None).state_dict())


def started(path: Path, kind: type[ResNet] = ResNet18) -> ResNet:
    model = kind(ResNetOptions(weights=path))
    model.prepare(path.parent / "cache")
    return model


def refusal(path: Path, kind: type[ResNet] = ResNet18) -> DataError:
    with pytest.raises(DataError) as caught:
        started(path, kind)
    return caught.value


def test_the_official_file_has_the_pinned_digest() -> None:
    if not OFFICIAL.exists():
        pytest.skip(f"needs torchvision's official weights at {OFFICIAL}")
    pin = PINS["resnet18"].tensors
    assert started(OFFICIAL).provenance() == {
        "weights": "file",
        "weights_source": str(OFFICIAL),
        "weights_sha256": pin,
    }


@pytest.mark.parametrize("architecture", PINS)
def test_pinned_addresses_are_torchvisions(architecture: str) -> None:
    weights = torchvision.models.get_model_weights(architecture)
    assert PINS[architecture].url == weights.IMAGENET1K_V1.url


def wrapped(state: State) -> object:
    return {"epoch": 3, "state_dict": {f"module.{name}": tensor for name, tensor in state.items()}}


@pytest.mark.parametrize("make", [dict, wrapped, lambda s: {n: t for n, t in s.items() if not n.startswith("fc.")}])
def test_the_usual_shapes_of_a_checkpoint_are_understood(
    tmp_path: Path, state: State, make: Callable[[State], object]
) -> None:
    torch.save(make(state), tmp_path / "w.pt")
    module: Any = started(tmp_path / "w.pt").build(["a", "b"])
    assert torch.equal(module.state_dict()["layer4.1.bn2.weight"], state["layer4.1.bn2.weight"])
    assert module.fc.out_features == 2


def test_equal_weights_have_equal_digests_in_any_format(tmp_path: Path, state: State) -> None:
    torch.save(wrapped(state), tmp_path / "a.pth")
    torch.save(state, tmp_path / "b.pth", _use_new_zipfile_serialization=False)
    save_file(state, tmp_path / "c.safetensors")
    wanted = tensors_sha256({n: t for n, t in state.items() if not n.endswith("num_batches_tracked")})
    for name in ("a.pth", "b.pth", "c.safetensors"):
        assert started(tmp_path / name).provenance()["weights_sha256"] == wanted


def test_half_precision_files_start_a_float32_network(tmp_path: Path, state: State) -> None:
    half = {n: t.half() if t.is_floating_point() else t for n, t in state.items()}
    save_file(half, tmp_path / "half.safetensors")
    module = started(tmp_path / "half.safetensors").build(["a", "b"])
    assert {p.dtype for p in module.parameters()} == {torch.float32}
    assert torch.equal(module.state_dict()["conv1.weight"], half["conv1.weight"].float())


def test_another_architecture_is_named(tmp_path: Path) -> None:
    torch.save(torchvision.models.resnet50(weights=None).state_dict(), tmp_path / "big.pth")
    error = refusal(tmp_path / "big.pth", ResNet34)
    assert error.hint == "this file holds a resnet50"
    assert "does not fit resnet34" in error.message
    assert "unexpected (layer1.0.conv3.weight, layer1.0.bn3.weight, layer1.0.bn3.bias, ...)" in error.message


def test_missing_and_misshapen_tensors_are_named(tmp_path: Path, state: State) -> None:
    torch.save({**state, "conv1.weight": torch.zeros(64, 1, 7, 7)}, tmp_path / "grey.pth")
    message = refusal(tmp_path / "grey.pth").message
    assert "1 of another shape (conv1.weight [64, 1, 7, 7] instead of [64, 3, 7, 7])" in message
    torch.save({name: tensor for name, tensor in state.items() if name != "bn1.bias"}, tmp_path / "less.pth")
    assert "1 missing (bn1.bias)" in refusal(tmp_path / "less.pth").message
    torch.save({**state, "bn1.bias": torch.zeros(64, dtype=torch.int32)}, tmp_path / "int.pth")
    assert "bn1.bias is torch.int32, not float" in refusal(tmp_path / "int.pth").message


class Hostile:
    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self.sentinel}",)


@pytest.mark.parametrize("legacy", [False, True])
def test_pickled_code_in_a_checkpoint_is_refused_and_not_run(tmp_path: Path, state: State, legacy: bool) -> None:
    held = {**state, "config": Hostile(tmp_path / "ran")}
    torch.save(held, tmp_path / "w.pth", _use_new_zipfile_serialization=not legacy)
    error = refusal(tmp_path / "w.pth")
    assert "never runs" in error.message
    assert "torch.save(model.state_dict()" in str(error.hint)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("content", [b"", b"not a checkpoint at all\n" * 50, b"PK\x03\x04 torn", b"\x80\x02}."])
def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert str(tmp_path / name) in refusal(tmp_path / name).message


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_a_torn_checkpoint_is_named(tmp_path: Path, state: State, name: str) -> None:
    path = tmp_path / name
    save_file(state, path) if name.endswith("safetensors") else torch.save(state, path)
    path.write_bytes(path.read_bytes()[:-1000])
    assert f"{path} is damaged or no checkpoint" in refusal(path).message


@pytest.mark.parametrize("held", [torch.zeros(3), {"epoch": 3}, {"state_dict": {}}, [1, 2]])
def test_a_checkpoint_without_a_state_dict_is_named(tmp_path: Path, held: object) -> None:
    torch.save(held, tmp_path / "w.pth")
    assert "holds no state dict" in refusal(tmp_path / "w.pth").message


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    assert "there is no weights file" in refusal(tmp_path / "none.pth").message
    assert "there is no weights file" in refusal(tmp_path).message
