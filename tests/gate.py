"""An exporter whose files answer when the test lets them, and write down how many pictures they were asked about."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import Fledge, Give

_PLUGIN = """
    import json
    import time
    from pathlib import Path

    from fledge import Exporter, Offer, Preprocessing, hookimpl

    @hookimpl
    def fledge_extensions():
        return [Offer("gate", "gate:Gate", summary="waits for a file named open")]

    class Gate(Exporter):
        def write(self, network, example, calibration, metadata, path):
            path.touch()

        @classmethod
        def open(cls, path):
            return Gated()

    class Gated:
        how = Preprocessing((16, 16)).describe()
        metadata = {"classes": json.dumps(["red", "blue"]), "preprocessing": json.dumps(how)}

        def __call__(self, pixels):
            # The pictures of nothing that a server asks about before it takes any are let through.
            if pixels.any():
                with open("batches", "a") as file:
                    file.write(f"{len(pixels)}\\n")
                while not Path("open").exists():
                    time.sleep(0.01)
            return pixels.mean(axis=(2, 3))[:, [0, 2]].astype("float32")
"""


class Gate:
    """`m.gate` is a model that tells red from blue."""

    def __init__(self, fledge: "Fledge", give: "Give") -> None:
        give("gate", _PLUGIN)
        self._folder: Path = fledge.folder
        (self._folder / "m.gate").touch()

    def open(self) -> None:
        (self._folder / "open").touch()

    @property
    def batches(self) -> list[int]:
        told = self._folder / "batches"
        return [int(line) for line in told.read_text().split()] if told.exists() else []
