"""Comparison: a trained network and an exported file, asked about the same images."""

import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fledge.certificate import Difference
from fledge.data.decoding import decode
from fledge.data.preprocessing import Preprocessing
from fledge.exporting.restored import Restored
from fledge.interfaces.dataset import Sample
from fledge.interfaces.exporter import Predictor
from fledge.interfaces.progress import Progress

# More images than these prove no more, and a seeded sample of them is said to be one.
LIMIT = 5000
BATCH = 32
_WORST = 5


def drawn(samples: Sequence[Sample], seed: int) -> Sequence[Sample]:
    """All, or LIMIT of them."""
    if len(samples) <= LIMIT:
        return samples
    chosen = np.random.default_rng(seed).choice(len(samples), LIMIT, replace=False)
    return [samples[index] for index in sorted(chosen.tolist())]


def prepared(samples: Sequence[Sample], edge: int | None, preprocessing: Preprocessing) -> Iterator[NDArray[np.uint8]]:
    """As prediction and serving prepare them, without the model's help: batches uint8 [n, 3, H, W]."""
    for some in batches(samples):
        yield np.stack([preprocessing(decode(sample, edge)).transpose(2, 0, 1) for sample in some])


def batches(samples: Sequence[Sample]) -> Iterator[Sequence[Sample]]:
    for start in range(0, len(samples), BATCH):
        yield samples[start : start + BATCH]


def compare(
    restored: Restored,
    predictor: Predictor,
    preprocessing: Preprocessing,
    samples: Sequence[Sample],
    progress: Progress,
) -> dict[str, Any]:
    """What a certificate says of it. Each side prepares the images its own way, so that this is proved too."""
    edge, classes = restored.model.shorter_edge(), restored.card["classes"]
    ours: list[NDArray[Any]] = []
    theirs: list[NDArray[Any]] = []
    seconds = {"pytorch": 0.0, "exported": 0.0}
    for some, pixels in zip(batches(samples), prepared(samples, edge, preprocessing), strict=True):
        seen = torch.stack(
            [restored.pixels(torch.from_numpy(decode(one, edge)).permute(2, 0, 1), one.name) for one in some]
        )
        began = time.perf_counter()
        with torch.inference_mode():
            ours.append(restored.network(seen).numpy())
        between = time.perf_counter()
        theirs.append(predictor(pixels))
        seconds["pytorch"] += between - began
        seconds["exported"] += time.perf_counter() - between
        progress("proving the exported file", sum(map(len, ours)), len(samples), "images")
    expected, found = np.concatenate(ours).astype(np.float64), np.concatenate(theirs).astype(np.float64)
    labels = np.array([sample.label for sample in samples])
    # What is no number is as wrong as can be, and JSON knows none of it.
    off = np.nan_to_num(np.abs(expected - found), nan=sys.float_info.max, posinf=sys.float_info.max).max(axis=1)
    mine, others = expected.argmax(axis=1), found.argmax(axis=1)
    worst = np.lexsort((-off, mine == others))[:_WORST]
    return {
        "images": len(samples),
        "top1_agreement": float((mine == others).mean()),
        "max_abs": float(off.max()),
        "max_rel": float((off / np.maximum(np.abs(expected).max(axis=1), np.finfo(np.float32).tiny)).max()),
        "worst": tuple(
            Difference(samples[at].name, float(off[at]), classes[mine[at]], classes[others[at]])
            for at in worst.tolist()
        ),
        "accuracy": {"pytorch": float((mine == labels).mean()), "exported": float((others == labels).mean())},
        "seconds": seconds,
    }
