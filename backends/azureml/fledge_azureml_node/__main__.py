"""`python -m fledge_azureml_node [--kept FOLDER] [--data FOLDER] [--NAME VALUE ...]`: what the service executes, once a
rank, in the uploaded folder.

`.fledge-azureml/job.json` says what the job is: argv, environment, requirements, modes (of files, by their path),
grace (seconds from being asked to stop to being killed), preemptible (whether its machines may be taken away), run
(FLEDGE_RUN_ID), processes_per_node and data (what the job calls the folder that it reads, if it reads any). Where it
has values, the job is one of a sweep's trials: they are the parameters by the service's NAMEs, each with its key in
fledge's words and whether it is of whole numbers. Each VALUE stands in argv where `{{KEY}}` stands for it, and is told
in the history (`outputs/trial.json`) before anything else is done.

In `kept` the run's files are kept from one submission to the next, and `data` is what the job reads; without the words
they are the folders that the service mounts for outputs or inputs of these names. Of a sweep all trials have that one
`kept`, and each has in it a folder of its name there, which is its FLEDGE_RUN_ID too. It ends with the job's exit
status, 128 and the signal's number where one killed it.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fledge_azureml_node import failure, record
from fledge_azureml_node.folders import Folders
from fledge_azureml_node.keeper import Asked, Keeper
from fledge_azureml_node.layout import CANCELED, FILES, PARTS, lay_out
from fledge_azureml_node.mirror import Mirror
from fledge_azureml_node.mirroring import mirroring
from fledge_azureml_node.place import Place
from fledge_azureml_node.preparation import Preparation
from fledge_azureml_node.requirements import python_path
from fledge_azureml_node.trial import Trial
from fledge_azureml_node.trouble import TRY_AGAIN, NotReadyError

_KEPT, _DATA = ("AZURE_ML_OUTPUT_kept", "AZUREML_DATAREFERENCE_kept"), ("AZUREML_DATAREFERENCE_data",)
# Where each virtual machine of Azure is told what is to come over it.
_METADATA = "http://169.254.169.254/metadata"


class Node:
    """One rank's job, from its preparation to its end. Raises NotReadyError where nobody can say which rank's.

    words are those that tell a trial its values; kept and data are the mounted folders.
    """

    def __init__(self, folders: Folders, kept: Path | None, data: Path | None, words: Sequence[str]) -> None:
        self._folders, self._kept, self._data, self._words = folders, kept, data, words
        self._job: dict[str, Any] = json.loads((folders.own / "job.json").read_text(encoding="utf-8"))
        self._place = Place.of(os.environ, self._job["processes_per_node"])
        if self._job.get("values"):
            name = os.environ["AZUREML_RUN_ID"]
            self._job["run"], self._kept = name, kept / name if kept else None
        self._keeper = Keeper()

    def run(self) -> int:
        """The exit status."""
        try:
            self._hear_values()
            self._prepare()
            code = self._execute()
        except Asked:
            return self._ended(TRY_AGAIN)
        except NotReadyError as error:
            print(f"error: {error}", file=sys.stderr, flush=True)
            return self._ended(error.status, str(error))
        return self._ended(code)

    def _hear_values(self) -> None:
        trial = Trial.of(self._words, self._job.get("values", {}))
        if not trial.values:
            return
        self._job["argv"] = trial.argv(self._job["argv"])
        if self._place.rank == 0:
            record.begin(self._folders.history, trial.values)

    def _prepare(self) -> None:
        preparation = Preparation(self._folders.own / "preparation")
        if self._place.local_rank:
            preparation.wait()
            return
        with preparation.lead():
            # The run's files are those of node 0.
            lay_out(self._folders, self._job, self._kept if self._place.rank == 0 else None, self._data)

    def _execute(self) -> int:
        mirrors = self._mirrors() if self._place.rank == 0 else []
        argv = self._job["argv"]
        try:
            self._keeper.start(
                [sys.executable, *argv[1:]] if argv[0] == "python" else argv, self._folders.work, self._environment()
            )
        except OSError as error:
            raise NotReadyError(f"{argv[0]} cannot be started: {error.strerror}", 127) from None
        with mirroring(*mirrors):
            code = self._keeper.wait(self._job["grace"], self._say_who_asks)
        if code < 0 and self._place.world_size > 1 and not self._keeper.asked:
            failure.tell(self._folders.run, self._place.rank, -code)
        return code

    def _mirrors(self) -> list[Mirror]:
        run, own = self._folders.run, self._folders.own
        # The history forgets nothing: checkpoints would add up there.
        history = Mirror(run, self._folders.history, own / "parts", frozenset({"canceled", "checkpoints"}))
        if self._kept is None:
            return [history]
        kept = Mirror(run, self._kept / FILES, self._kept / PARTS, frozenset({"canceled"}))
        kept.assume()
        return [history, kept]

    def _environment(self) -> dict[str, str]:
        told: dict[str, str] = {**os.environ, **self._job["environment"], **self._place.variables}
        if self._place.local_world_size > 1:
            # A thread for each core they share: more would wait for each other.
            told.setdefault("OMP_NUM_THREADS", str(max(1, _cores() // self._place.local_world_size)))
        if self._job["preemptible"]:
            # Asked by the job itself, which then saves in time.
            told.setdefault("FLEDGE_PREEMPTION_URL", _METADATA)
        run = {"FLEDGE_RUN_DIR": str(self._folders.run), "FLEDGE_RUN_ID": self._job["run"]}
        return told | python_path(self._folders.site, told) | run

    def _say_who_asks(self) -> None:
        """By this file the job knows that it was a person, and not the machine."""
        if self._kept is None:
            return
        # Not looked for before: a mount may remember for minutes that it was not there.
        mark = self._kept / f"{CANCELED}{os.environ.get('AZUREML_RUN_ID', '')}"
        try:
            if mark.exists():
                (self._folders.run / "canceled").touch()
        except OSError as error:
            print(f"warning: nobody knows whether a person asked: {error}", file=sys.stderr, flush=True)

    def _ended(self, code: int, reason: str = "") -> int:
        if code or self._place.rank == 0:
            asked = self._keeper.asked
            record.leave(self._folders.history, self._place.rank, code=code, asked=asked, reason=reason)
        return 128 - code if code < 0 else code


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _mounted(names: Sequence[str]) -> Path | None:
    """As the service tells of it where it cannot put it into the command."""
    return next((Path(os.environ[name]) for name in names if os.environ.get(name)), None)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fledge_azureml_node", allow_abbrev=False)
    parser.add_argument("--kept", type=Path, default=_mounted(_KEPT))
    parser.add_argument("--data", type=Path, default=_mounted(_DATA))
    told, words = parser.parse_known_args()
    try:
        node = Node(Folders(Path.cwd()), told.kept, told.data, words)
    except NotReadyError as error:
        # It leaves no record: nobody can say whose it is.
        sys.exit(f"error: {error}")
    return node.run()


if __name__ == "__main__":
    sys.exit(main())
