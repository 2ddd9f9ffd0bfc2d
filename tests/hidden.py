"""A package that a process does not have, though it is installed."""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import Fledge

# Whatever imports it still can: it is who asks for its version that finds none.
_HIDES = """
    import os
    from importlib.metadata import MetadataPathFinder

    find = MetadataPathFinder.find_distributions
    if {ranks!r} is None or os.environ.get("RANK") in {ranks!r}:
        MetadataPathFinder.find_distributions = lambda asked: () if asked.name == {package!r} else find(asked)
"""


def hide(fledge: "Fledge", tmp_path: Path, package: str, ranks: tuple[str, ...] | None = None) -> None:
    """From these ranks of its runs, or from all that fledge does here."""
    site = tmp_path / "hides"
    site.mkdir()
    (site / "sitecustomize.py").write_text(textwrap.dedent(_HIDES.format(package=package, ranks=ranks)))
    fledge.environment["PYTHONPATH"] += f":{site}"
