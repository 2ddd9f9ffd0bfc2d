"""What a sweep of many trials costs beside a sweep of one, where only the head trains and features are found again.

    python bench/sweep.py [--trials N] [--results DIR]

Ants and bees, a ResNet-18 of which the head trains, 30 epochs a trial, one trial after the other. Both begin with
an empty cache. Processor seconds of everything that was started, to its end; beside them those of a process that does
no more than import torch and what else a run imports, which a sweep has to do once.
"""

import argparse
import ctypes
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from harness import PHOTOS, ROOT, WEIGHTS, finish, table, timed

FLEDGE = (sys.executable, "-m", "fledge")
_PR_SET_CHILD_SUBREAPER = 36


def cost(trials: int) -> tuple[float, float]:
    """Seconds by the clock and of the processor."""
    before = _used()
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / "spec.toml"
        spec.write_text(
            f'[dataset]\nname = "imagefolder"\nroot = "{PHOTOS}"\n[model]\nname = "resnet18"\nweights = "{WEIGHTS}"\n'
            '[training]\nmode = "head"\nepochs = 30\n'
        )
        words = ("--param", "training.lr=log:5e-4..5e-2", "--param", "training.momentum=0.9..0.99")
        done = timed(
            [*FLEDGE, "sweep", spec, *words, "--trials", str(trials), "--parallel", "1", "--json"],
            folder=Path(folder),
            XDG_CACHE_HOME=folder,
        )
        assert done.told["trials"] == trials
        # The last runs' supervisors, which the command has not waited for.
        with suppress(ChildProcessError):
            while True:
                os.wait()
    return done.seconds, _used() - before


def _used() -> float:
    times = os.times()
    return times.children_user + times.children_system


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--results", type=Path, default=ROOT / "bench" / "results")
    told = parser.parse_args()
    # Supervisors become this process's children when the command that started them has ended.
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    start = timed(
        [sys.executable, "-c", "import fledge.training.train, fledge_resnet.model, fledge_imagefolder.dataset"]
    )
    rows = []
    for trials in (1, told.trials):
        seconds, processor = cost(trials)
        rows.append({"trials": trials, "seconds": seconds, "processor seconds": processor})
    one, many = (row["processor seconds"] for row in rows)
    each = (many - one) / (told.trials - 1)
    table("sweeps", rows)
    print(f"\neach further trial: {each:.2f} processor seconds; imports alone take {start.cpu_seconds:.2f}")
    return finish("sweep", {"sweeps": rows, "further trial": each, "imports": start.cpu_seconds}, [], told.results)


if __name__ == "__main__":
    raise SystemExit(main())
