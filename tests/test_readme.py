"""The README's plugin is built, installed and used, as it stands there."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from tests.conftest import Fledge

README = Path(__file__).parent.parent / "README.md"


def block(title: str) -> str:
    """The code block under a line that is this title."""
    found = re.search(rf"^{re.escape(title)}:\n\n```\w+\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    assert found, f"the README has no block under {title}"
    return found[1]


def test_the_plugin_in_twenty_lines(fledge: "Fledge", install: Callable[[Path], Path], tmp_path: Path) -> None:
    source = tmp_path / "fledge-pets"
    source.mkdir()
    lines = 0
    for name in ("pyproject.toml", "fledge_pets.py"):
        content = block(f"`{name}`")
        (source / name).write_text(content)
        lines += sum(1 for line in content.splitlines() if line.strip())
    assert lines <= 20
    for kind, colour in (("cats", "black"), ("dogs", "brown")):
        for at in range(5):
            path = tmp_path / "pets" / "2025" / kind / f"{at}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (32 + at, 32), colour).save(path)
    site = f"{install(source)}:{fledge.environment['PYTHONPATH']}"
    done = fledge(
        *("run", "--dataset", "pets", "--set", "dataset.album=2025", "--model", "tiny", "--json"),
        PYTHONPATH=site,
        HOME=str(tmp_path),
    )
    assert done.last["state"] == "COMPLETED"
    wrong = fledge(
        *("run", "--dataset", "pets", "--set", "dataset.albun=2025", "--model", "tiny"), PYTHONPATH=site, status=2
    )
    assert "did you mean 'album'" in wrong.err
