"""Holding whoever breaks a promise to the contract: the tests of the conformance kit share this."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

# Who breaks it, how, and which promise it is.
Wrongs = Mapping[str, tuple[str, str]]
HONEST: Wrongs = {"Honest": ("pass", "")}
# At the least, of every interface.
_PROMISES = 8


def outcomes(folder: Path, code: str, tests: Sequence[str] = ()) -> dict[str, str]:
    """What pytest says of each test in the code, as class::test; of these alone where there are any."""
    (folder / "test_wrong.py").write_text(code)
    environment = {
        **os.environ,
        "PYTEST_ADDOPTS": "",
        "OMP_NUM_THREADS": "1",
        # For the processes that tests start.
        "PYTHONPATH": os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")])),
    }
    words = ["-q", "-rA", "-p", "no:cacheprovider", "-p", "no:randomly", "-c", os.devnull, "--rootdir", folder]
    words += ["--basetemp", folder / "temporary"]
    meant = [f"test_wrong.py::{test}" for test in tests] or ["test_wrong.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *map(str, words), *meant],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stdout
    found = {}
    for line in done.stdout.splitlines():
        outcome, _, rest = line.partition(" test_wrong.py::")
        if outcome in ("PASSED", "FAILED", "ERROR", "XFAIL"):
            found[rest.partition(" - ")[0]] = outcome
    return found


def praised(found: Mapping[str, str]) -> None:
    """Whoever is honest, for every promise."""
    honest = {test: told for test, told in found.items() if test.startswith("TestHonest::")}
    assert len(honest) >= _PROMISES
    assert set(honest.values()) == {"PASSED"}, honest


def caught(found: Mapping[str, str], wrongs: Wrongs) -> None:
    """Each of them, where it breaks its promise."""
    for name, (_, promise) in wrongs.items():
        outcome = found.get(f"Test{name}::test_{promise}")
        assert outcome in ("FAILED", "ERROR"), f"{name} was not caught: {json.dumps(found)}"


def hold(folder: Path, kind: str, head: str, wrongs: Wrongs, base: str, made: str) -> None:
    """Hold subclasses of an honest `base` to the contract of their kind: each is caught, but for the honest one.

    `made` is how one is made, KIND standing for its class and NAME for that one's name.
    """
    contract, needs = f"{kind.capitalize()}Contract", ", home" if kind == "registry" else ""
    everybody = {**HONEST, **wrongs}
    code = textwrap.dedent(head) + subclasses(base, everybody)
    for name in everybody:
        one = made.replace("KIND", name).replace("NAME", repr(name))
        code += f"\n\nclass Test{name}({contract}):\n    @pytest.fixture\n"
        code += f"    def {kind}(self{needs}):\n        return {one}\n"
        # A tracker is made more than once in a test.
        code += f"\n    def another(self):\n        return {one}\n" if kind == "tracker" else ""
    found = outcomes(folder, code, ["TestHonest", *breaking(wrongs)])
    praised(found)
    caught(found, wrongs)


def subclasses(base: str, wrongs: Wrongs) -> str:
    """A class for each, whose body is what it does wrong."""
    return "".join(
        f"\n\nclass {name}({base}):\n{textwrap.indent(body, '    ')}\n" for name, (body, _) in wrongs.items()
    )


def breaking(wrongs: Wrongs) -> list[str]:
    """The tests in which they are to fail."""
    return [f"Test{name}::test_{promise}" for name, (_, promise) in wrongs.items()]


def offered(folder: Path, kind: str, code: str, names: Sequence[str], options: str | None = None) -> None:
    """Make the code a plugin that offers its classes of these names, for processes that have the folder on their path.

    `options` is the class of their options, in the code.
    """
    hook = "registries" if kind == "registry" else f"{kind}s"
    told = f"'wrongs:{options}'" if options else "None"
    offers = ", ".join(f"Offer({name!r}, 'wrongs:{name}', {told})" for name in names)
    (folder / "wrongs.py").write_text(code)
    (folder / "offering.py").write_text(
        f"from fledge import Offer, hookimpl\n\n\n@hookimpl\ndef fledge_{hook}():\n    return [{offers}]\n"
    )
    info = folder / "wrongs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: wrongs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[fledge]\nwrongs = offering\n")


def held(contract: str, wrongs: Wrongs, more: str = "pass") -> str:
    """A test file that holds each offer to the contract."""
    tests = "".join(f"\n\nclass Test{name}({contract}, offer={name!r}):\n    {more}\n" for name in wrongs)
    return f"from fledge.testing import {contract}\n{tests}"


def sweep(folder: Path) -> None:
    """End all processes of runs below the folder."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("FLEDGE_RUN_DIR", "").startswith(f"{folder}/"):
                process.kill()
