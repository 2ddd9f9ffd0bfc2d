"""`fledge plugins new`, for every kind: what it writes is built, installed in a fresh environment, found and proved."""

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fledge.hooks import KINDS

from tests.new_environment import NewEnvironment

if TYPE_CHECKING:
    from tests.conftest import Fledge

pytestmark = pytest.mark.long

SKY = "night-sky"


@pytest.fixture
def environment(tmp_path: Path, fledge: "Fledge") -> NewEnvironment:
    return NewEnvironment.make(tmp_path / "environment", fledge.environment)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_is_written_works(environment: NewEnvironment, fledge: "Fledge", kind: str) -> None:
    folder = fledge.folder
    told = environment(f"fledge plugins new {kind} {SKY}", folder)
    assert "night-sky/README.md" in told
    assert "example" not in "".join(path.read_text() for path in (folder / SKY).rglob("*") if path.is_file()).lower()
    environment(f"pip wheel --wheel-dir wheels ./{SKY}", folder)
    (wheel,) = (folder / "wheels").iterdir()
    packed = zipfile.ZipFile(wheel).namelist()
    assert "fledge_night_sky/py.typed" in packed
    assert not [name for name in packed if name.startswith("tests/")]
    environment(f"pip install {wheel}", folder)
    assert f"{kind} night-sky" in environment("fledge plugins list", folder)
    told = environment(f"pytest -q -p no:cacheprovider -p no:randomly {SKY}", folder)
    assert " passed" in told
    assert "failed" not in told.splitlines()[-1]
    subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E4,E7,E9,F,B", folder / SKY], check=True
    )


def test_check_says_a_line_a_promise(environment: NewEnvironment, fledge: "Fledge") -> None:
    environment(f"fledge plugins new registry {SKY} && pip install ./{SKY}", fledge.folder)
    told = environment(f"fledge plugins check {SKY}", fledge.folder)
    assert "  passed         versions count from one\n" in told
    assert "0 failed" in told
    broken = environment.folder / "lib"
    (module,) = broken.rglob("fledge_night_sky/registry.py")
    module.write_text(module.read_text().replace("if file_sha256(part) != expected", "if False"))
    told = environment(f"fledge plugins check {SKY}", fledge.folder, status=1)
    assert "  failed         a damaged file is never handed out: " in told
    assert "1 failed" in told


def test_the_results_are_typed(fledge: "Fledge", tmp_path: Path) -> None:
    packages = []
    for kind in sorted(KINDS):
        fledge("plugins", "new", kind, f"{kind}-x")
        packages.append(fledge.folder / f"{kind}-x" / f"fledge_{kind}_x")
    paths = ":".join(str(package.parent) for package in packages)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "mypy", *packages],
        cwd=fledge.folder,
        env=fledge.environment | {"MYPYPATH": paths},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
