"""`fledge plugins`: what is installed, told without importing any of it; and what is switched off."""

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Fledge, Give

OFFER = "from fledge import Offer, hookimpl\n"
ODD = OFFER + (
    "@hookimpl\ndef fledge_models(): return [Offer('odd', 'odd_net:Odd', 'odd_options:OddOptions', 'an odd one')]\n"
)
OPTIONS = """
    from pathlib import Path
    from typing import Literal
    from fledge import Options
    from pydantic import Field

    class OddOptions(Options):
        depth: int = Field(description="how deep")
        way: Literal["up", "down"] = Field("up", description="which way")
        weights: Path | None = None
"""


def listed(fledge: "Fledge") -> dict[str, dict[str, Any]]:
    """By plugin. What is said of how long it takes is up to the machine, but for one that dawdles."""
    rows = {row["plugin"]: row for row in fledge("plugins", "list", "--json").lines}
    for row in rows.values():
        if row["plugin"] != "lazy":
            row["remarks"] = [remark for remark in row["remarks"] if not remark.startswith("takes ")]
    return rows


def test_what_is_installed_is_listed(fledge: "Fledge") -> None:
    row = listed(fledge)["sample"]
    assert (row["distribution"], row["version"], row["state"], row["remarks"]) == ("fledge-sample", "1.2.3", "ok", [])
    assert [f"{offer['kind']} {offer['name']}" for offer in row["offers"]] == [
        "dataset dots",
        "model tiny",
        "tracker lines",
        "extension stamp",
    ]
    table = fledge("plugins", "list").out
    assert "fledge-sample 1.2.3" in next(line for line in table.splitlines() if line.startswith("sample "))


def test_a_broken_plugin_is_listed_with_its_reason_and_shown_with_its_traceback(fledge: "Fledge", give: "Give") -> None:
    give("odd", "raise RuntimeError('no libcuda')")
    row = listed(fledge)["odd"]
    assert (row["state"], row["remarks"]) == ("left out", ["left out: RuntimeError: no libcuda"])
    assert "odd (odd-dist): left out: RuntimeError: no libcuda" in fledge("plugins", "list").out
    shown = fledge("plugins", "show", "odd", status=1).out
    assert "in <module>" in shown
    assert "RuntimeError: no libcuda" in shown


def test_one_broken_hook_leaves_the_others(fledge: "Fledge", give: "Give") -> None:
    give("odd", ODD + "@hookimpl\ndef fledge_datasets(): return 1 / 0\n")
    row = listed(fledge)["odd"]
    assert row["state"] == "in part"
    assert [offer["name"] for offer in row["offers"]] == ["odd"]
    assert row["remarks"] == ["left out: fledge_datasets raised ZeroDivisionError: division by zero"]


def test_an_import_that_prints_or_dawdles_is_told_of(fledge: "Fledge", give: "Give") -> None:
    give("chatty", "print('hello!')\n" + OFFER)
    give("lazy", "import time; time.sleep(0.7)\n" + OFFER)
    rows = listed(fledge)
    assert rows["chatty"]["remarks"] == ["prints while it is imported"]
    assert rows["lazy"]["import_seconds"] >= 0.7
    assert rows["lazy"]["remarks"] == [
        f"takes {rows['lazy']['import_seconds']:.1f} s to import, which every command waits for"
    ]


def test_options_are_shown_with_type_default_and_help(fledge: "Fledge", give: "Give") -> None:
    give("odd", ODD)
    give("odd_options", OPTIONS, plugin="options-only")
    fledge("plugins", "disable", "options-only")
    (offer,) = fledge("plugins", "show", "odd", "--json").last["offers"]
    assert offer["options"] == [
        {"name": "depth", "type": "int", "required": True, "default": None, "help": "how deep"},
        {"name": "way", "type": '"up" or "down"', "required": False, "default": "up", "help": "which way"},
        {"name": "weights", "type": "path or none", "required": False, "default": None, "help": ""},
    ]
    lines = fledge("plugins", "show", "model/odd").out.splitlines()
    assert "model odd: an odd one" in lines
    assert next(line.split() for line in lines if " depth " in line) == ["depth", "int", "(required)", "how", "deep"]


def test_options_that_cannot_be_imported_hide_nothing_else(fledge: "Fledge", give: "Give") -> None:
    give("odd", ODD)
    shown = fledge("plugins", "show", "odd", status=1).out
    assert "its options cannot be shown: 'odd' needs odd_options:OddOptions, which cannot be imported" in shown


def test_a_name_that_nothing_has(fledge: "Fledge") -> None:
    for command in ("show", "check", "disable", "enable"):
        done = fledge("plugins", command, "sampel", status=2)
        assert "named 'sampel'; did you mean 'sample'?" in done.err


def test_a_disabled_plugin_is_out_until_it_is_enabled(fledge: "Fledge", give: "Give") -> None:
    give("odd", "raise RuntimeError('no libcuda')")
    assert "no libcuda" in fledge("plugins", "list").out
    assert "odd is disabled" in fledge("plugins", "disable", "odd").out
    fledge("plugins", "disable", "odd")
    assert listed(fledge)["odd"]["state"] == "disabled"
    assert "no libcuda" not in fledge("run", "--dataset", "dots", "--model", "tiny", "--dry-run").err
    assert "fledge plugins enable odd" in fledge("plugins", "show", "odd").out
    assert "takes part again" in fledge("plugins", "enable", "odd").out
    assert "was not disabled" in fledge("plugins", "enable", "odd").out
    assert listed(fledge)["odd"]["state"] == "left out"


def test_what_was_disabled_by_another_name_says_by_which(fledge: "Fledge", give: "Give") -> None:
    give("odd", ODD)
    fledge("plugins", "disable", "odd-dist")
    done = fledge("plugins", "enable", "odd", status=2)
    assert "odd is disabled as odd-dist\n  fledge plugins enable odd-dist" in done.err


def test_what_is_disabled_twice_is_enabled_as_far_as_a_command_can(fledge: "Fledge") -> None:
    fledge("plugins", "disable", "sample")
    done = fledge("plugins", "enable", "sample", status=2, FLEDGE_DISABLE_PLUGINS="sample")
    assert "sample is disabled by FLEDGE_DISABLE_PLUGINS\n  leave it out of that variable" in done.err
    assert listed(fledge)["sample"]["state"] == "ok"


def test_commands_that_disable_at_once_lose_nothing(fledge: "Fledge", give: "Give") -> None:
    names = [f"many{number}" for number in range(60)]
    for name in names:
        give(name, "")
    # Many commands in few processes: most of a command's time is its start.
    code = (
        "import sys; from typer.main import get_command\n"
        "from fledge.cli.app import app; from fledge.cli.guard import guarded\n"
        "for name in sys.argv[1:]:\n"
        "    sys.argv = ['fledge', 'plugins', 'disable', name]\n"
        "    assert guarded(get_command(app)) == 0, name\n"
    )
    commands = [[sys.executable, "-c", code, *names[start::3]] for start in range(3)]
    running = [subprocess.Popen(words, cwd=fledge.folder, env=fledge.environment, stdout=-3) for words in commands]
    assert [process.wait() for process in running] == [0] * 3
    assert {row["plugin"] for row in listed(fledge).values() if row["state"] == "disabled"} == set(names)


def test_fledge_itself_cannot_be_disabled(fledge: "Fledge") -> None:
    assert "nothing works without" in fledge("plugins", "disable", "core", status=2).err


def test_two_hundred_plugins_are_listed_and_none_of_their_implementations_imported(
    fledge: "Fledge", give: "Give"
) -> None:
    for number in range(200):
        name = f"many{number}"
        give(name, OFFER + f"@hookimpl\ndef fledge_models(): return [Offer('{name}', '{name}_net:Net')]\n")
    code = (
        "import atexit, json, sys; from fledge.cli import main\n"
        "sys.argv = ['fledge', 'plugins', 'list', '--json']\n"
        "atexit.register(lambda: print(json.dumps({'modules': sorted(sys.modules)})))\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=fledge.folder,
        env=fledge.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    *rows, last = map(json.loads, done.stdout.splitlines())
    assert sum(row["plugin"].startswith("many") and row["state"] == "ok" for row in rows if row["offers"]) == 200
    assert [name for name in last["modules"] if name.endswith("_net")] == []


@pytest.mark.parametrize("name", ["Night", "night_sky", "-x", "1st", "", "a--b"])
def test_a_name_that_no_plugin_can_have(fledge: "Fledge", name: str) -> None:
    assert "cannot name a plugin" in fledge("plugins", "new", "--", "model", name, status=2).err
    assert list(fledge.folder.iterdir()) == []


def test_nothing_is_ever_overwritten(fledge: "Fledge") -> None:
    (fledge.folder / "sky").mkdir()
    (fledge.folder / "sky" / "mine.txt").write_text("mine")
    assert "is there already" in fledge("plugins", "new", "model", "sky", status=2).err
    assert [path.name for path in (fledge.folder / "sky").iterdir()] == ["mine.txt"]
    assert "did you mean 'model'?" in fledge("plugins", "new", "modle", "sky", status=2).err
    assert "'tiny' is taken, by fledge-sample" in fledge("plugins", "new", "model", "tiny", status=2).err
