"""What a run says of the data it trained on."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from fledge.errors import DataError
from fledge.interfaces.dataset import Sample, Split

Samples = Mapping[Split, Sequence[Sample]]


def check_samples(samples: Samples, classes: Sequence[str]) -> None:
    """Raises DataError where there is nothing to learn from."""
    if len(classes) < 2:
        raise DataError(f"a classifier needs two classes or more, and the data set has {len(classes)}")
    for split, found in samples.items():
        if not len(found):
            raise DataError(f"the data set's {split} split has no images")


def describe(samples: Samples, classes: Sequence[str]) -> dict[str, Any]:
    """Counts by split and class, and one fingerprint (SHA-256) of all images and labels together."""
    digest = hashlib.sha256()
    counts: dict[str, dict[str, int]] = {}
    for split, found in samples.items():
        seen = Counter(sample.label for sample in found)
        counts[split] = {name: seen[label] for label, name in enumerate(classes)}
        for line in sorted(f"{split}\0{classes[sample.label]}\0{sample.fingerprint}\n" for sample in found):
            digest.update(line.encode())
    return {"counts": counts, "fingerprint": digest.hexdigest()}


def fingerprint(samples: Sequence[Sample]) -> str:
    """SHA-256 over the images of a split, in its order."""
    return hashlib.sha256("\n".join(sample.fingerprint for sample in samples).encode()).hexdigest()
