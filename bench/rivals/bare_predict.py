"""What a person would write by hand to label a folder of photographs with an ONNX file: decode, prepare, ask, print.

python bare_predict.py MODEL FOLDER
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

BATCH = 32


def seen(path: Path) -> "np.ndarray":
    with Image.open(path) as image:
        image.draft("RGB", (256, 256))
        rgb = image.convert("RGB")
    shorter = min(rgb.size)
    width, height = (256 if side == shorter else 256 * side // shorter for side in rgb.size)
    rgb = rgb.resize((width, height), Image.Resampling.BILINEAR)
    left, top = round((width - 224) / 2), round((height - 224) / 2)
    return np.asarray(rgb.crop((left, top, left + 224, top + 224))).transpose(2, 0, 1)


def main() -> None:
    session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
    classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
    paths = sorted(Path(sys.argv[2]).iterdir())
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        pixels = pool.map(seen, paths)
        for start in range(0, len(paths), BATCH):
            some = paths[start : start + BATCH]
            (logits,) = session.run(None, {"images": np.stack([next(pixels) for _ in some])})
            for path, row in zip(some, logits, strict=True):
                print(f"{path}\t{classes[row.argmax()]}")


main()
