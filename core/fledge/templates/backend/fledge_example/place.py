"""Place: where one submission of a run is kept."""

import fcntl
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fledge import Request, RunRef, replaced


@dataclass(frozen=True)
class Place:
    """A folder `submissions/KEY/` in the run's own.

    job.json says what its runner does, ref.json which process that is, begun that it was told to go, canceled that
    somebody wants it to stop, and exit.json how it has ended. What is said of an earlier submission stays true when a
    later one has begun.
    """

    path: Path

    @classmethod
    def of(cls, ref: RunRef) -> "Place":
        return cls(Path(ref.details["place"]))

    @property
    def run(self) -> Path:
        """The run's folder, which its submissions share."""
        return self.path.parents[1]

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Within, nobody else submits here."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "submit.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def alive(self) -> bool:
        """Whether a runner holds its lock, which the kernel lets go of whatever ends it."""
        try:
            with (self.path / "runner.lock").open() as lock:
                # Shared: two who ask at once do not take each other for the runner.
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def begun(self) -> bool:
        """Whether its runner was told to go. One that still listens is waited for: it ends with its submitter."""
        begun = self.path / "begun"
        while not begun.exists():
            if not self.alive():
                return begun.exists()
            time.sleep(0.01)
        return True

    def lay_out(self, request: Request) -> None:
        """The run's folders, and in them what the job takes along."""
        code = self.run / "code"
        for name in ("code", "outputs", "logs"):
            # A script's are links to what is in code/, which it may have removed.
            (self.run / name).resolve().mkdir(parents=True, exist_ok=True)
        for file in request.job.snapshot.files:
            # A run that goes on has its snapshot already.
            if file.source != code / file.target:
                copy(file.source, code / file.target)
        for name, content in request.job.files.items():
            (code / name).write_text(content, encoding="utf-8")


def copy(source: Path, target: Path) -> None:
    """In one step: half a file must not pass for one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with replaced(target) as part:
        shutil.copy(source, part)
