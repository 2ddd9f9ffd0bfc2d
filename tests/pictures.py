"""Pictures of every kind that people have, and what they take for pictures."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

# Larger than Pillow decodes at all; a few kilobytes to send.
_BOMB = 20_000


def odd_pictures(folder: Path) -> list[str]:
    """Writes those that are unusual and good; returns their names. All are red."""
    red = Image.new("RGB", (40, 30), (200, 60, 60))
    red.save(folder / "plain.jpg")
    red.convert("CMYK").save(folder / "cmyk.jpg")
    red.convert("P").save(folder / "palette.png")
    red.save(folder / "still.gif")
    exif = Image.Exif()
    exif[0x0112] = 6
    red.save(folder / "rotated.jpg", exif=exif)
    red.resize((1, 1)).save(folder / "dot.png")
    red.resize((20_000, 10)).save(folder / "thin.png")
    red.convert("RGBA").save(folder / "alpha.png")
    names = ["alpha.png", "cmyk.jpg", "dot.png", "palette.png", "plain.jpg", "rotated.jpg", "still.gif", "thin.png"]
    assert sorted(path.name for path in folder.iterdir()) == names
    return names


def grey(folder: Path) -> str:
    """16 bits deep: of no colour."""
    Image.fromarray(np.full((30, 40), 30_000, dtype=np.uint16)).save(folder / "deep.png")
    return "deep.png"


def broken_pictures(folder: Path) -> dict[str, str]:
    """Writes those that are none; returns what is to be said of each, by name."""
    whole = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(whole, "JPEG")
    (folder / "cut.jpg").write_bytes(whole.getvalue()[:-500])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.jpg").write_text("no picture at all, " * 20)
    (folder / "bomb.png").write_bytes(bomb())
    return {"cut.jpg": "is cut off", "empty.jpg": "", "text.jpg": "is not an image", "bomb.png": "pixels"}


def bomb() -> bytes:
    """A PNG of 400 million pixels, as far as its head says."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", _BOMB, _BOMB, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(3 * _BOMB + 1) * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
