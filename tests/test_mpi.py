"""Ranks that mpirun starts: what fledge does around it, by a program of that name, where there is no MPI."""

import os
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from tests.long_run import shown
from tests.many import words

if TYPE_CHECKING:
    from tests.conftest import Fledge, Give

# It reads the options that fledge gives, tells its processes what Open MPI would, and ends them with the first that
# fails.
MPIRUN = """\
    #!{python}
    import os, subprocess, sys, time

    words = sys.argv[1:]
    count = int(words[words.index("-np") + 1])
    argv = words[max(at for at, word in enumerate(words) if word == "-x") + 2:]
    ranks = []
    for rank in map(str, range(count)):
        told = {{"RANK": rank, "LOCAL_RANK": rank, "SIZE": str(count)}}
        told = {{"OMPI_COMM_WORLD_" + name: value for name, value in told.items()}}
        ranks.append(subprocess.Popen(argv, env=os.environ | told))
    while not any(codes := [rank.poll() for rank in ranks]) and None in codes:
        time.sleep(0.05)
    for rank in ranks:
        if rank.poll() is None:
            rank.terminate()
            rank.wait()
    sys.exit(next((code for code in codes if code), 0))
"""
SCRIPT = """
    import os, sys, time
    from pathlib import Path

    rank = os.environ["OMPI_COMM_WORLD_RANK"]
    # In one piece: the other rank writes into the same file.
    sys.stdout.write(f"{rank} has threads: {os.environ['OMP_NUM_THREADS']}\\n")
    if rank == Path(sys.argv[1]).read_text():
        sys.exit(4)
    time.sleep(60)
"""

# Rank 1 is told to stop, by then, and knows not yet which it is.
LATE = """
    import time

    from fledge import Offer, hookimpl
    from fledge_horovod.launcher import Horovod

    @hookimpl
    def fledge_launchers():
        return [Offer("late", "late:Late", "fledge_horovod.options:HorovodOptions")]

    class Late(Horovod):
        def place(self):
            place = super().place()
            time.sleep(8 * place.rank)
            return place
"""


@pytest.fixture
def over_mpi(fledge: "Fledge") -> tuple[str, ...]:
    programs = fledge.folder.parent / "bin"
    programs.mkdir()
    (programs / "mpirun").write_text(textwrap.dedent(MPIRUN.format(python=sys.executable)))
    (programs / "mpirun").chmod(0o755)
    fledge.environment["PATH"] = f"{programs}:{fledge.environment['PATH']}"
    return ("--launcher", "horovod", "--processes", "2", "--set", "launcher.mpi=true")


def test_a_try_is_told_by_what_failed_first_in_it_and_ranks_share_the_cores(
    fledge: "Fledge", over_mpi: tuple[str, ...]
) -> None:
    del fledge.environment["OMP_NUM_THREADS"]
    (fledge.folder / "s.py").write_text(textwrap.dedent(SCRIPT))
    fails = fledge.folder.parent / "fails"
    fails.write_text("1")
    run = fledge("run", "--script", "s.py", *over_mpi, "--json", "--", fails, status=1).last["run"]
    assert "rank 1: s.py ended with exit status 4" in shown(fledge, run)["error"]
    threads = max(1, len(os.sched_getaffinity(0)) // 2)
    assert f"1 has threads: {threads}\n" in fledge("runs", "logs", run).out
    fails.write_text("0")
    fledge("runs", "resume", run, status=1)
    assert shown(fledge, run)["error"].startswith("s.py ended with exit status 4")


def test_a_rank_that_is_stopped_before_it_knows_its_place_does_not_speak_for_all(
    fledge: "Fledge", give: "Give", over_mpi: tuple[str, ...]
) -> None:
    give("late", LATE)
    (fledge.folder / "s.py").write_text("raise SystemExit(4)")
    run = fledge("run", "--script", "s.py", *over_mpi, "--launcher", "late", "--json", status=1).last["run"]
    told = shown(fledge, run)
    assert (told["state"], told["error"].partition("\n")[0]) == ("FAILED", "s.py ended with exit status 4")


@pytest.mark.horovod
def test_a_horovod_that_does_not_meet_the_others_trains_nothing(fledge: "Fledge", over_mpi: tuple[str, ...]) -> None:
    # Whatever Horovod was built with: this mpirun is of no MPI.
    fledge(*words("horovod", 2), *over_mpi, status=1)
    error = fledge("runs", "show", "latest", "--json").last["error"]
    assert "of 2 is rank 0 of 1 to Horovod, which was built" in error
    assert "python -m fledge_horovod.build --mpi" in error
