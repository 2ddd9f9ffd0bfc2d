"""python -m fledge_birds.drawing.painter FOLDER SEED STRIPE/STRIPES SPLIT=COUNT...: draws one stripe of a set.

Writes one byte to standard output for each picture that is safely on the disk.
"""

import os
import sys
from pathlib import Path

from fledge_birds.drawing.picture import picture
from fledge_birds.drawing.plan import planned


def main(words: list[str]) -> None:
    folder, seed, stripe, *splits = words
    first, every = map(int, stripe.split("/"))
    counts = {split: int(count) for split, count in (word.split("=") for word in splits)}
    for item in planned(counts)[first::every]:
        path = Path(folder) / item.path
        # Never the folder itself: once that is gone, so is whoever wanted the pictures.
        path.parent.parent.mkdir(exist_ok=True)
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as file:
            file.write(picture(int(seed), item.split, item.species, item.index))
            file.flush()
            os.fsync(file.fileno())
        os.write(1, b".")


if __name__ == "__main__":
    main(sys.argv[1:])
