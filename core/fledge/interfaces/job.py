"""Job: all that a backend ever sees of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# BSD's EX_TEMPFAIL: stopped before the end through no fault of its own.
TRY_AGAIN = 75
# Below it, in a snapshot, what a data set or a model reads: a folder for each option, by its key.
DATA_FOLDER = ".fledge-data"


@dataclass(frozen=True)
class SourceFile:
    """A file that travels with the job: where it is now, and where it will be below the job's working folder."""

    source: Path
    target: str
    size: int


@dataclass(frozen=True)
class Snapshot:
    """The source files a job takes along.

    left_out    how many files and whole folders stay behind, by the reason
    left_names  the first of them by the same, relative to the source folder; a folder's ends with a slash
    """

    files: tuple[SourceFile, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    left_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes, all files together."""
        return sum(file.size for file in self.files)

    @property
    def data(self) -> tuple[SourceFile, ...]:
        """Those that a data set or a model reads. A backend may have other ways for them: they may be large."""
        return tuple(file for file in self.files if _is_data(file))

    @property
    def code(self) -> tuple[SourceFile, ...]:
        """All others."""
        return tuple(file for file in self.files if not _is_data(file))


def _is_data(file: SourceFile) -> bool:
    return file.target.startswith(f"{DATA_FOLDER}/")


@dataclass(frozen=True)
class Resources:
    """How many processes on how many nodes.

    processes      of all nodes together, the same number on each
    min_processes  as few may go on where others were lost; None: none may be
    """

    processes: int = 1
    nodes: int = 1
    min_processes: int | None = None


@dataclass(frozen=True)
class Job:
    """A program to run somewhere: no torch, no data set, no model in it.

    argv          what to execute once on each node; "python" as the first word means the interpreter that has fledge
    rank          what argv has each rank execute, for a backend that starts all ranks itself, with RANK, LOCAL_RANK,
                  WORLD_SIZE, LOCAL_WORLD_SIZE, MASTER_ADDR and MASTER_PORT in their environment ("python" as above),
                  and ends all of them once one has failed; empty where argv alone can be executed
    snapshot      files to copy below the working folder
    files         small text files to write there too, by relative path
    requirements  Python distributions the job needs, as pip requirement lines; a backend on this
                  machine has them already
    environment   environment variables, none of them secret
    resources     how many processes on how many nodes
    launcher      how the ranks are started: a launcher's name
    retries       how many times the backend may start argv again, in the same folders, where it was killed by
                  a signal or ended with exit status TRY_AGAIN; one that cannot leaves it to `fledge`

    The backend starts it in a working folder holding the snapshot and files, with two variables in its environment.
    FLEDGE_RUN_DIR names a folder whose content the backend keeps: the journal, checkpoints, `outputs/` and `logs/` end
    up there, and the last two are there when it begins. FLEDGE_RUN_ID is the run's id: the key of its first submission,
    which later ones (`after`) keep. Jobs know nothing of each other, those that run at the same time either.

    To stop it, the backend sends SIGTERM and waits: the job writes a checkpoint and ends with TRY_AGAIN. A file
    `canceled` in FLEDGE_RUN_DIR tells it that a person asked, and not the machine. Where the machine can be taken
    away, FLEDGE_PREEMPTION_URL names the metadata service that says so beforehand.

    On several nodes each finds NODE_RANK (from 0), MASTER_ADDR and MASTER_PORT (an address of node 0 that the others
    reach, and a port that is free there) in its environment, and a FLEDGE_RUN_DIR of its own: what is kept is node 0's.
    """

    name: str
    argv: tuple[str, ...]
    snapshot: Snapshot = Snapshot()
    files: Mapping[str, str] = field(default_factory=dict)
    requirements: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    resources: Resources = Resources()
    launcher: str = "single"
    retries: int = 0
    rank: tuple[str, ...] = ()
