"""Whether a training by Horovod will find one: none comes by itself, and many nodes would be paid for to learn that."""

import tomllib

from fledge import Job, UsageError

from fledge_azureml.options import AzureMLOptions

# Of a job's files the one that says what its worker is to do.
_SPEC = ".fledge-spec.toml"


def check_horovod(job: Job, options: AzureMLOptions) -> None:
    """Raises UsageError where neither an environment of the workspace nor a wheel of pip's can have brought it.

    Of an image the service takes no Python: it makes one of its own there, as conda is told, and that one is the job's.
    What conda has was built for conda's torch, and the torch is pip's.

    A script is left alone: it may bring its own, or want of the launcher no more than ranks started by MPI.
    """
    if job.launcher != "horovod" or job.resources.processes == 1 or not _trains(job):
        return
    if options.environment or _brings(options.pip):
        return
    raise UsageError(
        "the processes train together by Horovod, which the environment that is built for the run does not have: "
        "pip cannot build it for the torch here",
        hint="name an environment of the workspace that has it: --set backend.environment=NAME; a wheel of it that was "
        "built for this torch: --set backend.pip='[\"horovod @ https://....whl\"]'; or --launcher torchrun, "
        "which needs neither",
    )


def _brings(lines: tuple[str, ...]) -> bool:
    """Whether a wheel of it is named, or an index that may have one: PyPI's own has a source archive alone."""
    elsewhere = any(line.startswith("-") for line in lines)
    return any("horovod" in line.lower() and (".whl" in line or elsewhere) for line in lines)


def _trains(job: Job) -> bool:
    told = tomllib.loads(job.files.get(_SPEC, ""))
    return "model" in told and "script" not in told
