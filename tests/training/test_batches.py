from collections.abc import Callable

import numpy as np
import torch
from fledge.interfaces.launcher import Place
from fledge.launchers.single import SingleGroup
from fledge.spec.training import TrainingSpec
from fledge.training.arithmetic import Arithmetic
from fledge.training.batches import IGNORED, Batches
from fledge.training.criterion import class_weights
from fledge.training.evaluation import evaluate
from fledge.training.feature_batches import FeatureBatches
from fledge.training.image_batches import ImageBatches
from fledge.training.images import Images
from fledge_resnet.model import ResNet18
from fledge_resnet.options import ResNetOptions
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image


def features(count: int, batch_size: int, seed: int = 0, *, shuffled: bool = True) -> FeatureBatches:
    values = torch.arange(count, dtype=torch.float32)[:, None]
    return FeatureBatches(values[:, None], torch.arange(count) % 2, batch_size=batch_size, seed=seed, shuffled=shuffled)


def numbers(batches: Batches, epoch: int) -> list[list[int]]:
    return [indices.tolist() for indices in batches.order(epoch)]


@given(count=st.integers(1, 200), batch_size=st.integers(1, 40), seed=st.integers(0, 9), epoch=st.integers(0, 9))
def test_every_sample_comes_once_an_epoch(count: int, batch_size: int, seed: int, epoch: int) -> None:
    order = numbers(features(count, batch_size, seed), epoch)
    assert sorted(index for batch in order for index in batch) == list(range(count))
    assert order == numbers(features(count, batch_size, seed), epoch)
    sizes = [len(batch) for batch in order]
    assert all(size == batch_size for size in sizes[:-1])
    if batch_size > 1 and count > 1:
        assert sizes[-1] > 1


@given(count=st.integers(1, 60), batch_size=st.integers(1, 12), world=st.integers(1, 5), start=st.integers(0, 3))
def test_the_shares_of_all_processes_are_the_batches_of_one(
    count: int, batch_size: int, world: int, start: int
) -> None:
    values, labels = torch.arange(count, dtype=torch.float32)[:, None, None], torch.arange(count)
    whole = features(count, batch_size).order(1)
    ranks = []
    for rank in range(world):
        place = Place(rank, rank, world)
        told = FeatureBatches(values, labels, batch_size=batch_size, seed=0, shuffled=True, place=place)
        ranks.append([(inputs.flatten().long(), labels) for inputs, labels in told.epoch(1, start)])
    for number, batch in enumerate(whole[start:]):
        parts = [rank[number] for rank in ranks]
        mine = [labels[labels != IGNORED] for _, labels in parts]
        assert torch.equal(torch.cat(mine), batch)
        assert max(map(len, mine)) - min(map(len, mine)) <= 1
        for (inputs, _), own in zip(parts, mine, strict=True):
            assert torch.equal(inputs, own if len(own) else batch[:1])
    assert all(len(rank) == len(whole[start:]) for rank in ranks)


def test_epochs_and_seeds_differ_in_order() -> None:
    orders = [numbers(features(50, 8, seed), epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert all(a != b for at, a in enumerate(orders) for b in orders[:at])


def test_unshuffled_stays_in_order() -> None:
    assert numbers(features(5, 2, shuffled=False), 3) == [[0, 1], [2, 3], [4]]


class Noise:
    """A sample, and a transform that draws from torch's generator as augmentation does."""

    name = fingerprint = "noise"

    def __init__(self, label: int) -> None:
        self.label = label

    def load(self, edge: int = 0) -> Image.Image:
        return Image.fromarray(np.full((2, 2, 3), self.label, dtype=np.uint8))


def augment(image: torch.Tensor) -> torch.Tensor:
    return torch.randint(0, 200, (3, 2, 2), dtype=torch.uint8) + image


class Noisy(ResNet18):
    def transforms(self, train: bool) -> Callable[[torch.Tensor], torch.Tensor]:
        return augment


def images(workers: int) -> ImageBatches:
    return ImageBatches(
        Images([Noise(label) for label in range(10)], None),
        Noisy(ResNetOptions(weights="none")),
        batch_size=4,
        seed=7,
        train=True,
        workers=workers,
        arithmetic=Arithmetic.of(TrainingSpec(), torch.device("cpu")),
    )


def test_augmentation_depends_on_neither_processes_nor_what_came_before() -> None:
    here, there = images(0), images(2)
    list(here.epoch(0))
    torch.manual_seed(12345)
    for epoch in (1, 2):
        for (a, la), (b, lb) in zip(here.epoch(epoch), there.epoch(epoch), strict=True):
            assert torch.equal(a, b)
            assert torch.equal(la, lb)
    first, second = (next(iter(images(0).epoch(epoch)))[0] for epoch in (1, 2))
    assert not torch.equal(first, second)


def test_balanced_weights_give_every_class_the_same_say() -> None:
    labels = [0] * 30 + [1] * 10
    weights = class_weights(TrainingSpec(class_weights="balanced"), ("a", "b"), labels)
    assert weights is not None
    assert weights[0] * 30 == weights[1] * 10
    assert class_weights(TrainingSpec(class_weights={"b": 3}), ("a", "b"), labels) == [1.0, 3.0]
    assert class_weights(TrainingSpec(), ("a", "b"), labels) is None


def test_evaluation_by_hand() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0], [0.0, 2.0], [0.0, 2.0]])
    labels = torch.tensor([0, 0, 0, 1, 1])
    batches = FeatureBatches(logits[:, None], labels, batch_size=2, seed=0, shuffled=False)
    result = evaluate(torch.nn.Identity(), torch.nn.Identity(), batches, ("a", "b"), SingleGroup())
    assert result.accuracy == 0.8
    assert result.per_class == {"a": 2 / 3, "b": 1.0}
    expected = torch.nn.functional.cross_entropy(logits, labels).item()
    assert abs(result.loss - expected) < 1e-6
    assert result.metrics("val")["val_accuracy/a"] == 2 / 3
