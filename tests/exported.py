"""What the tests of exported files share: two runs, one of which exported its model."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from tests.conftest import Fledge

RUN = ("run", "--dataset", "dots", "--model", "tiny", "--set", "training.epochs=2", "--set", "training.mode=head")
# An exporter that has the network see everything a little too bright.
CROOKED = """
import copy
from fledge import Offer, hookimpl
from fledge_onnx.exporter import Onnx

class Crooked(Onnx):
    def write(self, network, *more):
        network = copy.deepcopy(network)
        network.shift += 0.2
        super().write(network, *more)

@hookimpl
def fledge_extensions():
    return [Offer("crooked", "crooked:Crooked", "fledge_onnx.options:OnnxOptions")]
"""


def two_runs(fledge: "Fledge") -> "Fledge":
    """One that exported its model, and an older one that did not."""
    fledge(*RUN)
    fledge(*RUN, "--with", "onnx")
    return fledge


def copied(template: "Fledge", fledge: "Fledge") -> "Fledge":
    """All of a folder's runs, which a test may damage then."""
    shutil.copytree(template.home, fledge.home)
    for state in fledge.home.glob("runs/*/state.json"):
        # The backend keeps the place of a run by its whole path.
        state.write_text(state.read_text().replace(str(template.home), str(fledge.home)))
    return fledge


def runs(fledge: "Fledge") -> tuple[str, str]:
    """(the run without an exported file, the run with one)."""
    plain, exported = sorted(path.name for path in (fledge.home / "runs").iterdir())
    return plain, exported


def outputs(fledge: "Fledge", run: str) -> Path:
    return fledge.home / "runs" / run / "outputs"


def picture(path: Path) -> None:
    Image.new("RGB", (20, 20), (200, 60, 60)).save(path)


def certificate(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(path.with_name(path.name + ".parity.json").read_text())
    return told
