"""Package: the folder that is uploaded, with all that a submission needs on the cluster."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fledge import DATA_FOLDER, Job, RunError

from fledge_azureml.limits import check_snapshot
from fledge_azureml.planning import JOB, NODE_PROGRAM, WHEELS, node_program, own_files
from fledge_azureml.request import AzureRequest
from fledge_azureml.wheels import build

# What a job has to write a checkpoint before it is killed.
GRACE_SECONDS = 10.0


@contextmanager
def packed(request: AzureRequest, job: Job, run: str) -> Iterator[Path]:
    """It is there as long as the context is.

    fledge_azureml_node/     what `request.command` executes
    .fledge-azureml/         job.json, and wheels/
    snapshot/                the job's own files
    """
    with tempfile.TemporaryDirectory(prefix="fledge-azureml-") as name:
        code = Path(name)
        wheels = code / WHEELS
        wheels.mkdir(parents=True)
        built = {f"{WHEELS}/{path.name}": path.stat().st_size for path in build(request.wheels, wheels)}
        check_snapshot({**request.files, **built}, request.left_out, len(own_files()))
        (code / NODE_PROGRAM).mkdir()
        for path in node_program():
            shutil.copyfile(path, code / NODE_PROGRAM / path.name)
        modes = _copy(job, code / "snapshot")
        told = {
            "run": run,
            "argv": request.argv,
            "environment": request.environment_variables,
            "requirements": request.requirements,
            "nodes": request.nodes,
            "processes_per_node": request.distribution.processes_per_node if request.distribution else 1,
            "grace": GRACE_SECONDS,
            "preemptible": request.cluster.priority == "low_priority",
            "modes": modes,
            # Where the job looks for what is in the folder of the blob store that it mounts to read.
            "data": DATA_FOLDER if request.data else None,
        }
        if request.search:
            parameters = request.search.parameters
            told["values"] = {one.name: {"key": one.key, "whole": one.whole} for one in parameters}
        (code / JOB).write_text(json.dumps(told), encoding="utf-8")
        yield code


def _copy(job: Job, target: Path) -> dict[str, int]:
    """Returns what the service does not keep: each file's mode."""
    modes = {}
    try:
        for file in job.snapshot.code:
            copy = target / file.target
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.source, copy)
            modes[file.target] = file.source.stat().st_mode & 0o777
        for name, content in job.files.items():
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise RunError(f"the run cannot be packed: {error.filename or target}: {error.strerror}") from None
    return modes
