"""Whether a training by Horovod will find one: none comes by itself, and many nodes would be paid for to learn that."""

import tomllib

from fledge import Job, UsageError

from fledge_azureml.options import AzureMLOptions

# Of a job's files the one that says what its worker is to do.
_SPEC = ".fledge-spec.toml"


def check_horovod(job: Job, options: AzureMLOptions) -> None:
    """Raises UsageError where neither an image or environment nor a line for pip or conda can have brought it.

    A script is left alone: it may bring its own, or want of the launcher no more than ranks started by MPI.
    """
    if job.launcher != "horovod" or job.resources.processes == 1 or not _trains(job):
        return
    if (
        options.environment
        or options.image
        or any("horovod" in line.lower() for line in (*options.pip, *options.conda))
    ):
        return
    raise UsageError(
        "the processes train together by Horovod, which the environment that is built for the run does not have: "
        "pip cannot build it for the torch here",
        hint="name an image or an environment that has it: --set backend.image=IMAGE, --set backend.environment=NAME; "
        "a wheel of it: --set backend.pip='[\"horovod @ https://...\"]'; or --launcher torchrun, which needs none",
    )


def _trains(job: Job) -> bool:
    told = tomllib.loads(job.files.get(_SPEC, ""))
    return "model" in told and "script" not in told
