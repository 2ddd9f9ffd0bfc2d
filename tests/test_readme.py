"""The README's first commands are typed, and its plugin is built, installed and used, as they stand there."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.new_environment import NewEnvironment

if TYPE_CHECKING:
    from tests.conftest import Fledge

pytestmark = pytest.mark.long

README = Path(__file__).parent.parent / "README.md"


def block(title: str) -> str:
    """The code block under a line that is this title."""
    found = re.search(rf"^{re.escape(title)}:\n\n```\w+\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    assert found, f"the README has no block under {title}"
    return found[1]


def typed(section: str) -> list[str]:
    """What the blocks of a section have people type, each block's lines as one script; comments are the shell's."""
    found = re.search(rf"^## {section}\n(.*?)^## ", README.read_text(), re.MULTILINE | re.DOTALL)
    assert found, f"the README has no section {section}"
    return re.findall(r"^```\n(.*?)^```", found[1], re.MULTILINE | re.DOTALL)


def test_the_first_five_minutes(fledge: "Fledge", tmp_path: Path) -> None:
    demo, commands, serve, ask = typed("The first five minutes")
    assert [line.partition("#")[0].strip() for line in demo.splitlines()] == ["make demo", ". .venv/bin/activate"]
    home = tmp_path / "home"
    home.mkdir()
    variables = {key: value for key, value in fledge.environment.items() if not key.startswith(("XDG_", "FLEDGE_"))}
    shell = NewEnvironment.make(tmp_path / "environment", variables | {"HOME": str(home)})
    # Pretrained weights would have to be downloaded; without them the answer may be either bird.
    assert commands.count("fledge run birds.toml") == 1
    run = "fledge run birds.toml --set model.weights=none --set training.epochs=2"
    told = shell(commands.replace("fledge run birds.toml", run), home)
    assert "birds@production is birds/1" in told
    assert re.search(r"^bird\.jpg\t(turkey|chicken) [\d.]+%$", told, re.MULTILINE), told

    if shutil.which("curl") is None:
        return
    # At any port that is free, for others may have that one.
    with subprocess.Popen(
        ["/bin/sh", "-c", f"exec {serve.strip()} --port 0"],
        cwd=home / "birds",
        env=shell.variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stderr is not None
        address = re.search(r"http://[\d.:]+", server.stderr.readline())
        try:
            assert address
            assert "http://127.0.0.1:8000/" in ask
            answer = shell(ask.replace("http://127.0.0.1:8000", address[0]).replace("curl", "curl -s"), home / "birds")
        finally:
            server.terminate()
    (said,) = json.loads(answer)["predictions"]
    assert (said["name"], said["error"]) == ("bird.jpg", None)
    assert said["label"] in ("turkey", "chicken")


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
