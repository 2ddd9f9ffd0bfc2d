"""Splitting one class's images into training and validation."""

import hashlib
from collections.abc import Mapping


def hold_out(fingerprints: Mapping[str, str], fraction: float, seed: int) -> set[str]:
    """Of {name: fingerprint}, the names held out for validation.

    `fraction` of the different images, at least one and never all, and none of a single one. Which
    ones is decided by each image's content and the seed: equal images stay on one side, a rename
    changes nothing, and another image moves one of the others at most.
    """
    different = sorted(set(fingerprints.values()), key=lambda fingerprint: _rank(fingerprint, seed))
    if len(different) < 2:
        return set()
    count = min(max(1, round(fraction * len(different))), len(different) - 1)
    held = set(different[:count])
    return {name for name, fingerprint in fingerprints.items() if fingerprint in held}


def _rank(fingerprint: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}\0{fingerprint}".encode()).hexdigest()
