"""The networks: shape, head, parts, groups, determinism."""

from pathlib import Path
from typing import Any

import pytest
import torch
from fledge import PluginError
from fledge_resnet.model import ResNet, ResNet18, ResNet34, ResNet50
from fledge_resnet.options import ResNetOptions
from safetensors.torch import load_file, save_file

OFFICIAL = Path(__file__).parents[3].parent / "shared/weights/resnet18-f37072fd.pth"
CLASSES = ["ants", "bees", "wasps"]
RANDOM = ResNetOptions(weights="none", image_size=64)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> ResNet18:
    if not OFFICIAL.exists():
        pytest.skip(f"needs torchvision's official weights at {OFFICIAL}")
    model = ResNet18(ResNetOptions(weights=OFFICIAL))
    model.prepare(tmp_path_factory.mktemp("cache"))
    return model


def built(model: ResNet) -> Any:
    return model.build(CLASSES)


def images(count: int = 2) -> torch.Tensor:
    return torch.randn(count, 3, 64, 64)


@pytest.mark.parametrize("kind", [ResNet18, ResNet34, ResNet50])
def test_parts_compose_to_the_network_exactly(kind: type[ResNet]) -> None:
    model = kind(RANDOM)
    module = built(model).eval()
    backbone, head = model.parts(module)
    x = images()
    with torch.inference_mode():
        features, logits = backbone(x), module(x)
        assert features.shape == (2, 2048 if kind is ResNet50 else 512)
        assert logits.shape == (2, 3)
        assert torch.equal(head(features), logits)


def test_parts_share_parameters_with_the_network() -> None:
    model = ResNet18(RANDOM)
    module = built(model)
    backbone, head = model.parts(module)
    shared = [*backbone.parameters(), *head.parameters()]
    assert {id(p) for p in shared} == {id(p) for p in module.parameters()}
    assert {f"fc.{n}" for n in head.state_dict()} | set(backbone.state_dict()) == set(module.state_dict())


@pytest.mark.parametrize("kind", [ResNet18, ResNet50])
def test_groups_go_from_input_to_output_and_hold_every_parameter_once(kind: type[ResNet]) -> None:
    model = kind(RANDOM)
    module = built(model)
    groups = model.parameter_groups(module)
    assert [group.name for group in groups] == ["stem+layer1", "layer2", "layer3", "layer4", "head"]
    grouped = [id(p) for group in groups for p in group.parameters]
    assert grouped == [id(p) for p in module.parameters()]


def test_building_is_a_function_of_the_seed(pretrained: ResNet18) -> None:
    for model in (ResNet18(RANDOM), pretrained):
        states = []
        for seed in (5, 5, 6):
            torch.manual_seed(seed)
            states.append(built(model).state_dict())
        assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
        assert not torch.equal(states[0]["fc.weight"], states[2]["fc.weight"])


def test_the_head_does_not_depend_on_what_the_backbone_starts_from(pretrained: ResNet18) -> None:
    heads = []
    for model in (ResNet18(RANDOM), pretrained):
        torch.manual_seed(9)
        heads.append(built(model).fc)
    assert torch.equal(heads[0].weight, heads[1].weight)
    assert torch.equal(heads[0].bias, heads[1].bias)


def test_a_pretrained_network_holds_the_files_values_and_trains_all_of_them(pretrained: ResNet18) -> None:
    module = built(pretrained)
    held = torch.load(OFFICIAL, weights_only=True)
    state = module.state_dict()
    same = [name for name in held if not name.startswith("fc.")]
    assert all(torch.equal(state[name], held[name]) for name in same)
    assert all(p.requires_grad and p.is_leaf for p in module.parameters())
    assert set(state) == set(built(ResNet18(RANDOM)).state_dict())
    assert not any(t.is_meta for t in state.values())


def test_training_one_network_leaves_the_next_one_untouched(pretrained: ResNet18) -> None:
    module = built(pretrained).train()
    before = module.conv1.weight.detach().clone()
    module(images()).sum().backward()
    torch.optim.SGD(module.parameters(), lr=0.1).step()
    assert not torch.equal(module.conv1.weight, before)
    again = built(pretrained)
    assert torch.equal(again.conv1.weight, before)
    assert torch.equal(again.bn1.running_mean, torch.load(OFFICIAL, weights_only=True)["bn1.running_mean"])


def test_the_network_runs_in_bfloat16_and_channels_last(pretrained: ResNet18) -> None:
    module = built(pretrained).eval()
    x = images()
    with torch.inference_mode():
        exact = module(x)
        half = module.to(torch.bfloat16, memory_format=torch.channels_last)(x.bfloat16())
    assert half.dtype == torch.bfloat16
    assert torch.allclose(half.float(), exact, atol=0.1)


def test_a_networks_state_round_trips_and_can_be_started_from(tmp_path: Path) -> None:
    model = ResNet18(RANDOM)
    module = built(model).eval()
    save_file(module.state_dict(), tmp_path / "best.safetensors")
    torch.manual_seed(1)
    copy = built(model).eval()
    copy.load_state_dict(load_file(tmp_path / "best.safetensors"))
    x = images()
    assert torch.equal(module(x), copy(x))

    # Trained once for three classes, it is a start for five.
    start = ResNet18(ResNetOptions(weights=tmp_path / "best.safetensors"))
    start.prepare(tmp_path / "cache")
    further: Any = start.build([*CLASSES, "flies", "moths"])
    assert further(x).shape == (2, 5)
    assert torch.equal(further.conv1.weight, module.conv1.weight)


def test_without_pretrained_weights_nothing_is_fetched(tmp_path: Path) -> None:
    model = ResNet18(RANDOM)
    model.prepare(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []
    assert model.provenance() == {"weights": "none"}


def test_building_before_preparing_is_named() -> None:
    with pytest.raises(PluginError, match="before `prepare`"):
        built(ResNet18(ResNetOptions()))
