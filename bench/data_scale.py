"""What many photographs cost: 1,000, 10,000 and 100,000 of them, prepared and kept decoded, and an epoch's loading.

    python bench/data_scale.py [--sizes N ...] [--folder DIR] [--results DIR]

Drawn photographs of 500 x 375 pixels, every file with other bytes. For each size a process of its own: it checks every
image, keeps each decoded at a shorter edge of 256 pixels, and takes two epochs of training batches as ResNet-18 sees
them, without the network. 100,000 need about 30 GB of disk below --folder (the system's temporary one), which is freed.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from harness import ROOT, Goal, finish, table, timed
from PIL import Image, ImageFilter

DRAWN = 200
STAGES = ("check", "decode", "first epoch", "second epoch")


def draw(folder: Path, count: int) -> None:
    """`count` files in two classes, nine tenths of them to train on."""
    random = np.random.default_rng(0)
    drawn = []
    with tempfile.TemporaryDirectory() as name:
        for number in range(min(DRAWN, count)):
            coarse = Image.fromarray(random.integers(0, 256, (24, 32, 3), dtype=np.uint8)).resize((500, 375))
            coarse.filter(ImageFilter.UnsharpMask(4, 200)).save(Path(name) / f"{number}.jpg", quality=90)
            drawn.append((Path(name) / f"{number}.jpg").read_bytes())
    for split, share in (("train", 0.9), ("val", 0.1)):
        for number in range(round(count * share)):
            path = folder / split / ("ants", "bees")[number % 2] / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            # What follows a JPEG's end is not decoded, but makes its hash another.
            path.write_bytes(drawn[number % len(drawn)] + f"{split}{number}".encode())


def load(photos: Path, cache: Path) -> None:
    """The child: prints milliseconds an image of each stage, and the most memory held by its end, as JSON."""
    import torch
    from fledge.runs.reporter import Reporter
    from fledge.spec.training import TrainingSpec
    from fledge.training.arithmetic import Arithmetic
    from fledge.training.image_batches import ImageBatches
    from fledge.training.images import Images
    from fledge_imagefolder.dataset import ImageFolder
    from fledge_imagefolder.options import ImageFolderOptions
    from fledge_resnet.model import ResNet18
    from fledge_resnet.options import ResNetOptions

    told: dict[str, list[float]] = {}
    dataset = ImageFolder(ImageFolderOptions(root=photos))
    model = ResNet18(ResNetOptions(weights="none"))
    began = time.perf_counter()

    def note(stage: str, images: int) -> None:
        nonlocal began
        seconds, peak = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        told[stage] = [seconds / images * 1000, peak]
        began = time.perf_counter()

    dataset.prepare(cache)
    samples = dataset.split("train")
    note("check", len(samples) + len(dataset.split("val")))
    images = Images.kept(samples, "train", model.shorter_edge(), cache, Reporter(cache))
    note("decode", len(samples))
    arithmetic = Arithmetic.of(TrainingSpec(), torch.device("cpu"))
    batches = ImageBatches(images, model, batch_size=32, seed=0, train=True, workers=0, arithmetic=arithmetic)
    for epoch, stage in enumerate(STAGES[2:]):
        assert sum(len(labels) for _, labels in batches.epoch(epoch)) == len(samples)
        note(stage, len(samples))
    print(json.dumps(told))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--results", type=Path, default=ROOT / "bench" / "results")
    parser.add_argument("--load", type=Path, nargs=2, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.load:
        load(*told.load)
        return 0
    found: dict[int, dict[str, list[float]]] = {}
    for size in sorted(told.sizes):
        with tempfile.TemporaryDirectory(dir=told.folder) as name:
            draw(Path(name, "photos"), size)
            Path(name, "cache").mkdir()
            found[size] = timed([sys.executable, __file__, "--load", f"{name}/photos", f"{name}/cache"]).told
    rows = [
        {"images": size, **{f"{stage}, ms": one[stage][0] for stage in STAGES}, "peak, MB": one[STAGES[-1]][1]}
        for size, one in found.items()
    ]
    table("an image's cost, and the most memory held", rows)
    least, most = found[min(found)], found[max(found)]
    goals = [
        Goal(
            f"{stage}: an image of {max(found):,} to one of {min(found):,}",
            most[stage][0] / least[stage][0],
            1.2,
            False,
        )
        for stage in STAGES
    ]
    goals.append(Goal("memory, likewise", most[STAGES[-1]][1] / least[STAGES[-1]][1], 1.2, False))
    return finish("data_scale", {"rows": rows}, goals, told.results)


if __name__ == "__main__":
    sys.exit(main())
