"""Pictures of every kind that people have, and what they take for pictures."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

# Larger than Pillow decodes at all; a few kilobytes to send.
_BOMB = 20_000
_ORIENTATION = 0x0112
# By EXIF's number for how the camera was held, how it keeps an upright picture.
_KEPT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def odd_pictures(folder: Path) -> list[str]:
    """Writes those that are unusual and good; returns their names. All are red."""
    red = Image.new("RGB", (40, 30), (200, 60, 60))
    red.save(folder / "plain.jpg")
    red.convert("CMYK").save(folder / "cmyk.jpg")
    red.convert("P").save(folder / "palette.png")
    red.save(folder / "still.gif")
    red.save(folder / "rotated.jpg", exif=_held(6))
    red.resize((1, 1)).save(folder / "dot.png")
    red.resize((20_000, 10)).save(folder / "thin.png")
    red.convert("RGBA").save(folder / "alpha.png")
    names = ["alpha.png", "cmyk.jpg", "dot.png", "palette.png", "plain.jpg", "rotated.jpg", "still.gif", "thin.png"]
    assert sorted(path.name for path in folder.iterdir()) == names
    return names


def see_through(folder: Path) -> str:
    """Half red, and half of a blue that nobody sees."""
    picture = Image.new("RGBA", (40, 30), (0, 0, 255, 0))
    picture.paste((200, 60, 60, 255), (0, 0, 20, 30))
    picture.save(folder / "see-through.png")
    return "see-through.png"


def turned_pictures(folder: Path) -> tuple[list[str], list[str]]:
    """Writes pictures whose top left corner is bright once they are upright: (those that say how they were held, the
    same pixels without a word, whose bright corner is another)."""
    upright = Image.new("RGB", (40, 30), (20, 20, 20))
    upright.paste((250, 250, 250), (0, 0, 18, 13))
    told, untold = [], []
    for number, turn in _KEPT.items():
        kept = upright.transpose(turn)
        told += [f"{number}.jpg", f"{number}.png"]
        kept.save(folder / f"{number}.jpg", exif=_held(number))
        kept.save(folder / f"{number}.png", exif=_held(number))
        # 5 keeps that corner where it is.
        if number != 5:
            untold.append(f"{number}-untold.png")
            kept.save(folder / untold[-1])
    return told, untold


def grey(folder: Path) -> str:
    """16 bits deep: of no colour. With 8 bits it is 117 of 255."""
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
    return {"cut.jpg": "is cut off", "empty.jpg": "is empty", "text.jpg": "is not an image", "bomb.png": "pixels"}


def bomb() -> bytes:
    """A PNG of 400 million pixels, as far as its head says."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", _BOMB, _BOMB, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(3 * _BOMB + 1) * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _held(number: int) -> Image.Exif:
    exif = Image.Exif()
    exif[_ORIENTATION] = number
    return exif
