"""Dots: the kit's squares under a stranger's name, with a way to fail while they are prepared."""

from collections.abc import Callable
from pathlib import Path

from fledge import DataError, Progress
from fledge.testing.offers.squares import Squares

from fledge_sample.options import DotsOptions


class Dots(Squares):
    options: DotsOptions

    def _prepare(self, cache: Path, progress: Progress, warn: Callable[[str], None]) -> None:
        if self.options.broken:
            raise DataError("the dots have gone", hint="paint new ones")
        progress("counting dots", 2, 2)
