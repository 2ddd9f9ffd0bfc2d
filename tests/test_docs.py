"""The documentation says what is so: the tutorial is executed, the pages of hooks are those of the hooks there are."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fledge.hooks import LifecycleHooks, OfferHooks

from tests.new_environment import NewEnvironment

if TYPE_CHECKING:
    from tests.conftest import Fledge

pytestmark = pytest.mark.long

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def blocks(text: str) -> Iterator[tuple[str, str, str]]:
    """Of each code block its language, what it holds, and the last path in backticks that is named before it."""
    for found in re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        named = re.findall(r"`([\w./-]+\.py)`", text[: found.start()])
        yield found[1], found[2], named[-1] if named else ""


def test_the_tutorial_for_plugin_authors_works_as_it_stands(fledge: "Fledge", tmp_path: Path) -> None:
    environment = NewEnvironment.make(
        tmp_path / "environment", fledge.environment | {"FLEDGE_SOURCE": str(ROOT), "PYTEST_ADDOPTS": "-q"}
    )
    seen = 0
    for language, content, path in blocks((DOCS / "plugin-authors.md").read_text()):
        seen += 1
        if language == "python":
            (fledge.folder / path).write_text(content)
            continue
        for line in content.splitlines():
            told = environment(line, fledge.folder)
            if "plugins check" in line:
                assert ", 0 failed" in told, told
                assert shlex.split(line)[3] in told
    assert seen == 19


def test_every_hook_has_its_page(tmp_path: Path) -> None:
    subprocess.run([sys.executable, DOCS / "generate.py", tmp_path], check=True)
    made = {path.name: path.read_text() for path in tmp_path.iterdir()}
    kept = {path.name: path.read_text() for path in (DOCS / "hooks").iterdir()}
    assert made == kept, "the pages are not of the hooks there are: python docs/generate.py"
    hooks = {name for holder in (OfferHooks, LifecycleHooks) for name in vars(holder) if not name.startswith("_")}
    besides = {"README", "exporter", "clusters", "deployer", "sweeper"}
    assert {f"{name}.md" for name in hooks | besides} == set(kept)


def test_what_a_hooks_page_imports_can_be_imported() -> None:
    for path in sorted((DOCS / "hooks").iterdir()):
        for _, code, _ in blocks(path.read_text()):
            # Names in annotations that nobody imports raise.
            exec(code, {})


def test_the_page_of_commands_is_of_the_commands_there_are(tmp_path: Path) -> None:
    subprocess.run([sys.executable, DOCS / "commands.py", tmp_path / "commands.md"], check=True)
    made = (tmp_path / "commands.md").read_text()
    kept = (DOCS / "commands.md").read_text()
    assert made == kept, "the page is not of the commands there are: python docs/commands.py"
    for told in ("fledge run", "fledge runs resume", "fledge models promote", "--processes", "--kills"):
        assert told in made


def test_every_hook_is_explained() -> None:
    for holder in (OfferHooks, LifecycleHooks):
        for name, hook in vars(holder).items():
            assert name.startswith("_") or (hook.__doc__ or "").strip(), f"{name} has no docstring"
