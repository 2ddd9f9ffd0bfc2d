"""The commands that tests fork are those that a person types."""

from typing import TYPE_CHECKING

import pytest

from tests.commands import Ended, by_itself

if TYPE_CHECKING:
    from tests.conftest import Fledge, Give

SHOWS = "import os, sys; print(sys.argv, os.getcwd(), sorted(os.environ), sys.flags, sys.executable); sys.exit(3)"


@pytest.mark.parametrize(
    "words",
    [
        ["--version"],
        ["runs", "list"],
        ["runs", "lisd"],
        ["run"],
        ["run", "--dataset", "dots", "--model", "none"],
        ["run", "--script", "s.py", "--dry-run"],
        ["plugins", "list"],
        ["plugins", "show", "tiny"],
    ],
)
def test_a_fork_says_and_is_what_a_command_is(fledge: "Fledge", words: list[str]) -> None:
    (fledge.folder / "s.py").write_text(SHOWS)
    assert fork(fledge, *words) == by_itself(words, fledge.folder, fledge.environment)


def test_its_children_find_all_as_a_commands_do(fledge: "Fledge") -> None:
    (fledge.folder / "s.py").write_text(SHOWS)
    words = ["run", "--script", "s.py"]
    assert fork(fledge, *words).status == by_itself(words, fledge.folder, fledge.environment).status == 1
    runs = [run["run"] for run in fledge("runs", "list", "--json").lines]
    one, other = (fledge("runs", "logs", run).out.replace(run, "RUN") for run in runs)
    assert one == other


def test_one_that_would_have_begun_in_another_way_is_not_forked(fledge: "Fledge", give: "Give") -> None:
    commands = fledge.commands
    if commands is None:
        pytest.skip("nothing is forked here")
    assert commands.run(["--version"], fledge.folder, fledge.environment | {"PYTHONUTF8": "0"}) is None
    # A plugin is there for it, though it came later; one that takes the place of what was imported is another matter.
    give("late", 'FLEDGE_API = 1\nprint("late")\n')
    forked = commands.run(["plugins", "list"], fledge.folder, fledge.environment)
    assert forked == by_itself(["plugins", "list"], fledge.folder, fledge.environment)
    assert forked is not None
    assert "late" in forked.out
    give("typer", "")
    assert commands.run(["--version"], fledge.folder, fledge.environment) is None


def fork(fledge: "Fledge", *words: str) -> Ended:
    if fledge.commands is None:
        pytest.skip("nothing is forked here")
    ended = fledge.commands.run([*words], fledge.folder, fledge.environment)
    assert ended is not None
    return ended
