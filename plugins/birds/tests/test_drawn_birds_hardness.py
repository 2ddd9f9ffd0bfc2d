"""How hard `drawn-birds` is: out of reach for random features, within reach for pretrained ones.

A linear probe (logistic regression) on the frozen, pooled features of a ResNet-18, fitted on the
training split of the default set and scored on its validation split.
"""

from pathlib import Path

import pytest
from fledge import Dataset
from fledge_birds.drawn_birds import DrawnBirds
from fledge_birds.drawn_options import DrawnBirdsOptions

pytest.importorskip("torchvision", reason="the probe needs torchvision's ResNet-18")

import torch
import torchvision
from torch import Tensor, nn

WEIGHTS = Path(__file__).resolve().parents[4] / "shared" / "weights" / "resnet18-f37072fd.pth"
Tensors = tuple[Tensor, Tensor]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tensors]:
    """(images [N, 3, 224, 224], labels [N]) of each split."""
    dataset: Dataset = DrawnBirds(DrawnBirdsOptions())
    dataset.prepare(tmp_path_factory.mktemp("cache"))
    transform = torchvision.models.ResNet18_Weights.IMAGENET1K_V1.transforms()
    return {
        split: (
            torch.stack([transform(sample.load()) for sample in dataset.split(split)]),
            torch.tensor([sample.label for sample in dataset.split(split)]),
        )
        for split in ("train", "val")
    }


def probed(model: nn.Module, pictures: dict[str, Tensors], decay: float) -> float:
    """Validation accuracy of the probe."""
    model.fc = nn.Identity()
    model.eval().to(memory_format=torch.channels_last)
    with torch.no_grad():
        features = {
            split: torch.cat([model(x) for x in torch.split(images, 40)]) for split, (images, _) in pictures.items()
        }
    mean, deviation = features["train"].mean(0), features["train"].std(0) + 1e-6
    x = {split: (value - mean) / deviation for split, value in features.items()}
    head = nn.Linear(512, 2)
    nn.init.zeros_(head.weight)
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = nn.functional.cross_entropy(head(x["train"]), pictures["train"][1])
        value = value + decay * (head.weight**2).sum()
        value.backward()
        return value

    optimizer.step(loss)
    return float((head(x["val"]).argmax(1) == pictures["val"][1]).double().mean())


def test_random_features_stay_under_80_percent(pictures: dict[str, Tensors]) -> None:
    torch.manual_seed(0)
    accuracy = probed(torchvision.models.resnet18(), pictures, decay=1e-2)
    print(f"random ResNet-18: {accuracy:.1%}")
    assert 0.5 < accuracy < 0.8


@pytest.mark.skipif(not WEIGHTS.exists(), reason=f"needs the pretrained weights at {WEIGHTS}")
def test_pretrained_features_pass_95_percent(pictures: dict[str, Tensors]) -> None:
    model = torchvision.models.resnet18()
    model.load_state_dict(torch.load(WEIGHTS, weights_only=True))
    accuracy = probed(model, pictures, decay=1e-2)
    print(f"pretrained ResNet-18: {accuracy:.1%}")
    assert accuracy > 0.95
