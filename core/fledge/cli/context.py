"""What every command begins with: fledge's home and the catalog of what is installed."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fledge.discovery.catalog import Catalog
from fledge.discovery.discover import discover
from fledge.runs.places import home

if TYPE_CHECKING:
    from fledge.interfaces.backend import ComputeBackend
    from fledge.runs.run_directory import RunDirectory


@dataclass(frozen=True)
class Context:
    home: Path
    catalog: Catalog

    def run(self, prefix: str) -> "tuple[RunDirectory, ComputeBackend]":
        """A run by its id's beginning, and the backend it is on."""
        # With them come plans and specs, which many commands do without.
        from fledge.runs.run_directory import RunDirectory
        from fledge.submission import backend_for

        found = RunDirectory.find(self.home, prefix)
        return found, backend_for(found, self.catalog, self.home)


def context() -> Context:
    """Says on standard error which installed plugins are left out, and why."""
    catalog = discover()
    for warning in catalog.warnings():
        print(f"warning: {warning}", file=sys.stderr)
    return Context(home(), catalog)
