"""Laying out a node: the job's working folder, its run's folder, and what it imports."""

import shutil
import zipfile
from pathlib import Path
from typing import Any

from fledge_azureml_node.folders import Folders
from fledge_azureml_node.mirror import files_below
from fledge_azureml_node.requirements import provide, unpack
from fledge_azureml_node.trouble import TRY_AGAIN, NotReadyError

# In `kept`: what the run keeps, files on their way there, and the word that a submission was canceled.
FILES, PARTS, CANCELED = "files", ".parts", "canceled-"


def lay_out(folders: Folders, job: dict[str, Any], kept: Path | None, data: Path | None) -> None:
    """For all ranks of this node; `kept` is what earlier submissions left, where this node is to go on from it, and
    `data` what the job reads.

    Raises NotReadyError.
    """
    try:
        _lay_out(folders, job, kept, data)
    except (OSError, zipfile.BadZipFile) as error:
        # A full disk, say, or an upload that came by half.
        raise NotReadyError(f"what was sent cannot be laid out: {error}") from None


def _lay_out(folders: Folders, job: dict[str, Any], kept: Path | None, data: Path | None) -> None:
    for place in (folders.work, folders.run):
        # Of an attempt before this one, on a machine that came back.
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
    if folders.snapshot.is_dir():
        shutil.copytree(folders.snapshot, folders.work, dirs_exist_ok=True)
    for target, mode in job["modes"].items():
        (folders.work / target).chmod(mode)
    if job.get("data"):
        if data is None:
            raise NotReadyError("the service has mounted no folder in which the job's data would be")
        (folders.work / job["data"]).symlink_to(data)
    if kept is not None:
        _restore(kept / FILES, folders.run)
    for name in ("outputs", "logs"):
        (folders.run / name).mkdir(parents=True, exist_ok=True)
    unpack(folders.wheels, folders.site)
    provide(job["requirements"], folders.site)


def _restore(kept: Path, run: Path) -> None:
    try:
        for name, path in files_below(kept):
            (run / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, run / name)
    except OSError as error:
        # To begin anew would be to lose it.
        raise NotReadyError(f"what the run has kept in {kept} cannot be read: {error}", TRY_AGAIN) from None
