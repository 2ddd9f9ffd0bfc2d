"""Contract: what the contracts of all interfaces share."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pytest

from fledge.discovery.catalog import Catalog
from fledge.discovery.discover import discover
from fledge.hooks import Kind
from fledge.testing.contracts.untouched import untouched

_PACKAGE = __name__.rpartition(".")[0]


class Contract:
    """Subclass a contract in a test file, and name the offer that it is to hold:

        class TestRainbow(DatasetContract, offer="rainbow", options={"colours": 7}): ...

    The offer is found as any user's command finds it, and made with these options. What is no offer gets its fixture
    overridden instead. A promise that does not apply is skipped, with the reason. A subclass may add tests; one that
    replaces a promise fails, unless it is marked `pytest.mark.xfail(reason=...)`.
    """

    kind: ClassVar[Kind]
    offer: ClassVar[str | None] = None
    told: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls, offer: str | None = None, options: Mapping[str, Any] | None = None) -> None:
        super().__init_subclass__()
        cls.offer = offer or cls.offer
        cls.told = cls.told if options is None else options
        if cls.__module__.startswith(_PACKAGE):
            return
        contracts = [base for base in cls.__mro__ if base.__module__.startswith(_PACKAGE)]
        promises = {name: told for base in reversed(contracts) for name, told in vars(base).items()}
        for name, promise in promises.items():
            # Whoever put it there: the class itself, or one that it inherits from besides.
            found = getattr(cls, name, None)
            if not name.startswith("test") or found is promise:
                continue
            marks = getattr(found, "pytestmark", ())
            if not any(mark.name == "xfail" and mark.kwargs.get("reason") for mark in marks):
                setattr(cls, name, _replaced(name))

    def make(self, *more: Any) -> Any:
        """The offer's implementation, made with the options that the class was told."""
        return self.made_with({}, *more)

    def made_with(self, options: Mapping[str, Any], *more: Any) -> Any:
        """The same, where these were told besides."""
        told = _catalog().options(self.kind, self._named(), {**self.told, **options})
        return self.implementation()(told, *more)

    def implementation(self) -> Any:
        """The offer's class."""
        return _catalog().implementation(self.kind, self._named())

    def elsewhere(self, code: str, *words: object) -> Any:
        """What `code` prints as JSON in a process of its own, in which `make()` gives the implementation's class and
        its options, and `words` are sys.argv[1:]."""
        done = subprocess.run([*self.process(code), *map(str, words)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def process(self, code: str, options: Mapping[str, Any] | None = None) -> list[str]:
        """The command that executes `code` as `elsewhere` does, with these options where they are not the class's."""
        self.needs_an_offer()
        told = json.dumps(dict(self.told if options is None else options), default=str)
        start = (
            "import json, sys\n"
            "from fledge.discovery.discover import discover\n"
            "def make():\n"
            f"    catalog, offer = discover(), ({self.kind!r}, {self.offer!r})\n"
            f"    return catalog.implementation(*offer), catalog.options(*offer, json.loads({told!r}))\n"
        )
        return [sys.executable, "-c", start + code]

    def untouched(self, folder: Path) -> AbstractContextManager[None]:
        """Fails where, within, something is written or a server is called."""
        if self.offer is not None:
            # Importing it may well do either.
            self.implementation()
        return untouched(folder)

    def needs_an_offer(self) -> None:
        """Skips the test of what is none."""
        if self.offer is None:
            pytest.skip("it is no offer, which another process could find")

    def _named(self) -> str:
        if self.offer is None:
            raise TypeError(f"name the offer: class {type(self).__name__}(..., offer=NAME)")
        return self.offer


@cache
def _catalog() -> Catalog:
    return discover()


def _replaced(name: str) -> Callable[[Any], None]:
    def replaced(self: Any) -> None:
        pytest.fail(
            f"{type(self).__name__}.{name} takes the place of a promise of the contract: "
            "one that cannot be kept is marked pytest.mark.xfail(reason=...)"
        )

    return replaced


def files_below(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change (ns) of every file below, but for locks, by relative path."""
    found = {}
    # Somebody may be writing: a folder or file that is gone by now was none.
    for parent, _, names in os.walk(folder):
        for path in (Path(parent, name) for name in names if not name.endswith(".lock")):
            with suppress(FileNotFoundError):
                told = path.stat()
                found[str(path.relative_to(folder))] = told.st_size, told.st_mtime_ns
    return found
