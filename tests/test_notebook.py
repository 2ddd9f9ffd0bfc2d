"""`fledge.Run`, in a notebook and without one."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbclient import NotebookClient

if TYPE_CHECKING:
    from tests.conftest import Fledge

CODE = """
import pathlib, time, fledge
fledge.log(step=1, loss=2.0)
while not pathlib.Path("{go}").exists():
    time.sleep(0.02)
fledge.log(step=2, loss=1.0)
"""
# Somebody lets the run go on once it was seen to be running.
WATCH = """
import pathlib
run = fledge.Run("latest")
look = run._look
def look_and_let_go():
    facts = look()
    if facts.record.state == "RUNNING" and facts.reading.history.metrics:
        pathlib.Path("{go}").touch()
    return facts
run._look = look_and_let_go
run.watch(every=0.1)
"""


class Recorder(NotebookClient):
    """Remembers every picture that was shown, those that were replaced too."""

    shown: list[str]

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        data = msg["content"].get("data") or {}
        self.shown.append(str(data.get("text/html", "")))
        return super().process_message(msg, cell, cell_index)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, fledge_in: "Callable[[Path], Fledge]") -> "Fledge":
    """A folder with a script's run that has ended."""
    fledge = fledge_in(tmp_path_factory.mktemp("notebook") / "work")
    (fledge.folder / "s.py").write_text("import fledge\nfor at in range(9): fledge.log(step=at, loss=9.0 - at)")
    fledge("run", "--script", "s.py", "--experiment", "first")
    return fledge


def started(fledge: "Fledge", go: Path) -> str:
    (fledge.folder / "w.py").write_text(CODE.format(go=go))
    return fledge("run", "--script", "w.py", "--detach").out.strip()


def test_a_notebook_shows_a_run_and_how_it_goes(house: "Fledge", tmp_path: Path) -> None:
    notebook = nbformat.v4.new_notebook()
    cells = [
        "import fledge; run = fledge.Run(); run",
        "print(run.state, run.metrics)",
        WATCH.format(go=tmp_path / "go"),
        "run.state",
        "fledge.Run('2001')",
    ]
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    notebook.cells[4].metadata["tags"] = ["raises-exception"]
    client = Recorder(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": house.folder}})
    client.shown = []
    with client.setup_kernel(env=house.environment):
        for at, cell in enumerate(notebook.cells):
            if at == 2:
                started(house, tmp_path / "go")
            client.execute_cell(cell, at)
    ended, told, watched, state, none = (cell.outputs for cell in notebook.cells)
    assert "<svg" in ended[0].data["text/html"]
    assert "COMPLETED" in ended[0].data["text/html"]
    assert "fledge.Run" in ended[0].data["text/plain"]
    assert told[0].text == "COMPLETED {'loss': 1.0}\n"
    # In place: one output, which was a running run's before.
    assert len(watched) == 1
    assert "COMPLETED" in watched[0].data["text/html"]
    assert any("RUNNING" in picture and "The run has not ended" in picture for picture in client.shown)
    assert "COMPLETED" in state[0].data["text/plain"]
    assert "there is no run named '2001'" in none[0].evalue


def test_without_a_notebook_it_prints_lines(house: "Fledge", tmp_path: Path) -> None:
    run = started(house, tmp_path / "go")
    code = "import fledge\n" + WATCH.format(go=tmp_path / "go") + "print(repr(run))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=house.folder, env=house.environment, capture_output=True, text=True
    )
    assert done.stderr == ""
    first, *_, last, itself = done.stdout.splitlines()
    assert first.startswith(f"run {run} ")
    assert last == f"run {run} COMPLETED, loss 1"
    assert itself == f"<fledge.Run {run} COMPLETED>"


def test_without_the_extra_it_says_what_to_install(house: "Fledge", tmp_path: Path) -> None:
    (tmp_path / "matplotlib.py").write_text("raise ModuleNotFoundError('none', name='matplotlib')")
    environment = {**house.environment, "PYTHONPATH": f"{tmp_path}:{house.environment['PYTHONPATH']}"}
    code = "import fledge; print(fledge.Run()._repr_html_())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=house.folder, env=environment, capture_output=True, text=True
    )
    assert "Its pictures need matplotlib; in fledge&#x27;s checkout: pip install" in done.stdout, done.stderr
