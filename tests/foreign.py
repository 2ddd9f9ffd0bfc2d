"""A stranger's distribution for the tests of it: where it is, its server as a process, and an archive of pictures."""

import io
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray
from PIL import Image

SOURCE = Path(__file__).parent / "foreign_plugin"
_COLOURS = {"blue": (60, 60, 200), "red": (200, 60, 60)}


@dataclass
class Server:
    """The stranger's server, as a person starts it."""

    socket: Path
    folder: Path
    environment: Mapping[str, str]
    process: "subprocess.Popen[str]" = field(init=False)

    def start(self) -> None:
        words = ["-m", "acme_fledge.server", str(self.socket), str(self.folder)]
        self.process = subprocess.Popen(
            [sys.executable, *words], env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == f"listening on {self.socket}\n"

    def kill(self) -> None:
        """May have been killed before."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def end(self) -> None:
        """With all that it has started, which would outlive it."""
        self.kill()
        while left := list(self._left()):
            for process in left:
                with suppress(psutil.Error):
                    process.kill()
            time.sleep(0.01)

    def _left(self) -> Iterator[psutil.Process]:
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                told = [*process.cmdline(), process.environ().get("FLEDGE_RUN_DIR", "")]
                if any(word.startswith(f"{self.folder}/") for word in told):
                    yield process


@contextmanager
def serving(folder: Path, environment: Mapping[str, str]) -> Iterator[Server]:
    # A test's own folder has a name too long for a socket.
    with tempfile.TemporaryDirectory(prefix="acme-") as short:
        server = Server(Path(short, "socket"), folder, environment)
        server.start()
        try:
            yield server
        finally:
            server.end()


def pictures() -> dict[str, bytes]:
    """By the names of members."""
    chance = np.random.default_rng(0)
    return {
        f"{split}/{kind}/{number:02}.jpg": jpeg(colour + chance.normal(0, 60, (48, 64, 3)))
        for split, count in (("train", 8), ("val", 4))
        for kind, colour in _COLOURS.items()
        for number in range(count)
    }


def jpeg(pixels: NDArray[np.float64], orientation: int = 1) -> bytes:
    kept, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(kept, "JPEG", exif=exif)
    return kept.getvalue()


def pack(path: Path, members: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path
