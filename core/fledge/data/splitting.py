"""Splitting one folder of images into training and validation."""

import hashlib
from collections.abc import Mapping, Sequence


def hold_out(fingerprints: Mapping[str, str], fraction: float, seed: int) -> set[str]:
    """The names held out for validation: `fraction` of them, at least one and never all of two or more.

    Which ones is decided by each image's content and the seed, so that equal images stay on one side
    where counts allow, and adding a few more moves hardly any of the others.
    """
    if len(fingerprints) < 2:
        return set()
    order = sorted(fingerprints, key=lambda name: (_rank(fingerprints[name], seed), name))
    count = min(max(1, round(fraction * len(order))), len(order) - 1)
    # Copies of one image stand side by side here: what is cut between them would be in both splits.
    while count < len(order) - 1 and fingerprints[order[count]] == fingerprints[order[count - 1]]:
        count += 1
    return set(order[:count])


def twins(train: Sequence[tuple[str, str]], val: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Pairs of names with equal fingerprints, one from each split, given as (name, fingerprint)."""
    known = {fingerprint: name for name, fingerprint in train}
    return [(known[fingerprint], name) for name, fingerprint in val if fingerprint in known]


def _rank(fingerprint: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}\0{fingerprint}".encode()).hexdigest()
