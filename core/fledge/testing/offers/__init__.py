"""A plugin for tests: a data set and a model that train in a second, and a backend in the test's own process.

It is no installed plugin, and nobody's command finds it; `install` makes it one for tests.
"""

from importlib.metadata import version
from pathlib import Path

from fledge.hooks import Offer, hookimpl

PLUGIN = "kit"


@hookimpl
def fledge_datasets() -> list[Offer]:
    return [
        Offer("squares", f"{__name__}.squares:Squares", f"{__name__}.options:SquaresOptions", "squares of two colours")
    ]


@hookimpl
def fledge_models() -> list[Offer]:
    return [Offer("small", f"{__name__}.small:Small", f"{__name__}.options:SmallOptions", "a small CNN")]


@hookimpl
def fledge_backends() -> list[Offer]:
    return [Offer("in-process", "fledge.testing.in_process:InProcessBackend", None, "the calling process")]


def install(folder: Path) -> Path:
    """Make a folder that, on the module search path (PYTHONPATH), has fledge find this plugin; returns it."""
    metadata = folder / f"fledge_kit-{version('fledge')}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: fledge-kit\nVersion: {version('fledge')}\n")
    (metadata / "entry_points.txt").write_text(f"[fledge]\n{PLUGIN} = {__name__}\n")
    return folder
