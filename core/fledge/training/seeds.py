"""Seeds: every random draw of a run is a function of its seed and of what the draw is for.

Not of how many workers, restarts or processes there were: that is what lets an interrupted run be
continued exactly, and one process be compared with many.
"""

import hashlib
from collections.abc import Callable

import torch


def derive(seed: int, *purpose: str | int) -> int:
    """A 63-bit seed for one purpose, such as `derive(seed, "order", epoch)`: equal on every machine."""
    words = "\0".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest(), "big") >> 1


def seed_torch(seed: int, *purpose: str | int) -> None:
    """Seed torch's global generators, on every device, for one purpose."""
    torch.manual_seed(derive(seed, *purpose))


def seed_augmentation(seed: int, epoch: int, index: int) -> None:
    """Seed the generator that a model's transforms draw from: torch's global one of the CPU."""
    torch.default_generator.manual_seed(derive(seed, "augment", epoch, index))


def step_seeder(device: torch.device) -> Callable[[int], object]:
    """What seeds the generators that a step on `device` draws from, in a microsecond where it is the CPU."""
    return torch.default_generator.manual_seed if device.type == "cpu" else torch.manual_seed


def permutation(count: int, seed: int, *purpose: str | int) -> torch.Tensor:
    """The numbers below count in a random order, int64."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(derive(seed, *purpose)))
