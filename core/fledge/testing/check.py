"""Holding an installed offer to its interface's contract."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from fledge.discovery.catalog import Catalog, Found
from fledge.errors import PluginError, UsageError, install
from fledge.interfaces.exporter import Exporter
from fledge.interfaces.options import Options
from fledge.interfaces.sweeper import Sweeper

_TEST = """
from fledge.testing import {contract}


class Test{contract}({contract}, offer={offer!r}, options={options!r}):
    pass
"""
VARIABLE = "FLEDGE_VERDICTS"
# What pytest's exit status means that some test ran, whatever became of it.
_RAN = (0, 1)


@dataclass(frozen=True)
class Verdict:
    """outcome is "passed", "failed" or "not applicable"; why says so in a line; details is pytest's account."""

    promise: str
    outcome: str
    why: str
    details: str


def check(found: Found, options: Options, named: Collection[str], catalog: Catalog) -> Iterator[Verdict]:
    """A verdict a promise, as they come, from a process of their own. Raises UsageError where pytest is missing.

    Of the options those count that are `named`: the others' defaults may be folders, of which each test has its own.
    """
    if find_spec("pytest") is None:
        raise UsageError("the conformance kit needs pytest", hint=install("testing"))
    contracts = _contracts(found, catalog)
    told = options.model_dump(mode="json", include=set(named), exclude_none=True)
    with tempfile.TemporaryDirectory() as name:
        test, output = Path(name, "test_contract.py"), Path(name, "output.txt")
        tests = (_TEST.format(contract=one, offer=found.offer.name, options=told) for one in contracts)
        test.write_text("".join(tests))
        reader, writer = os.pipe()
        words = ["-m", "pytest", "-p", "fledge.testing.verdicts", "-p", "no:cacheprovider", "-c", os.devnull]
        with output.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *words, "--rootdir", name, "--basetemp", f"{name}/temporary", str(test)],
                # What a person set for their own tests is not for these.
                env=os.environ | {"PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", VARIABLE: str(writer)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[writer],
            )
        os.close(writer)
        try:
            with os.fdopen(reader) as verdicts:
                for line in verdicts:
                    yield Verdict(**json.loads(line))
            if process.wait() not in _RAN:
                raise PluginError(f"{found.kind} {found.offer.name!r} cannot be tested:\n{output.read_text()}")
        finally:
            process.kill()
            process.wait()


def _contracts(found: Found, catalog: Catalog) -> list[str]:
    """That of its kind, but for an exporter, and that of what it is besides."""
    usual = f"{found.kind.capitalize()}Contract"
    if found.kind == "extension" and _is(Exporter, found, catalog):
        return ["ExporterContract"]
    if found.kind == "backend" and _is(Sweeper, found, catalog):
        return [usual, "SweeperContract"]
    return [usual]


def _is(interface: type, found: Found, catalog: Catalog) -> bool:
    # What cannot be imported fails its promises one by one.
    with suppress(PluginError):
        made = catalog.implementation(found.kind, found.offer.name)
        return isinstance(made, type) and issubclass(made, interface)
    return False
