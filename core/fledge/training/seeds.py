"""Seeds: every random draw of a run is a function of its seed and of what the draw is for.

Not of how many workers, restarts or processes there were: that is what lets an interrupted run be
continued exactly, and one process be compared with many.
"""

import hashlib

import torch


def derive(seed: int, *purpose: str | int) -> int:
    """A 63-bit seed for one purpose, such as `derive(seed, "order", epoch)`: equal on every machine."""
    words = "\0".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest(), "big") >> 1


def seed_torch(seed: int, *purpose: str | int) -> None:
    """Seed torch's global generators, on every device, for one purpose."""
    torch.manual_seed(derive(seed, *purpose))


def permutation(count: int, seed: int, *purpose: str | int) -> list[int]:
    """The numbers below count in a random order."""
    generator = torch.Generator().manual_seed(derive(seed, *purpose))
    order: list[int] = torch.randperm(count, generator=generator).tolist()
    return order
