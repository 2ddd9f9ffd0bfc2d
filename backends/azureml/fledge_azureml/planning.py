"""From a job to the request. Pure: no network, no Azure package, nothing written."""

import re
from importlib.metadata import version
from importlib.resources import files as resources_of
from pathlib import Path

from fledge import Job, Resources, Search, UsageError

from fledge_azureml import facts
from fledge_azureml.config import workspace_name
from fledge_azureml.distributions import sources
from fledge_azureml.environment import environment, lacking
from fledge_azureml.horovod import check_horovod
from fledge_azureml.limits import check_snapshot
from fledge_azureml.options import AzureMLOptions
from fledge_azureml.request import AzureRequest, Cluster, Distribution
from fledge_azureml.searching import searched

NODE_PROGRAM = "fledge_azureml_node"
COMMAND = f"python -m {NODE_PROGRAM}"
# Of the folder that is uploaded: what the node program is told of the job, and the wheels.
JOB, WHEELS = ".fledge-azureml/job.json", ".fledge-azureml/wheels"
# What a cluster may grow to though one run needs less: others come beside it, a sweep's say, and empty room is free.
_ROOM = 4


def plan(job: Job, options: AzureMLOptions, home: Path, search: Search | None = None) -> AzureRequest:
    """Raises UsageError for what the service would refuse, or would run as nobody meant it."""
    if not facts.EXPERIMENT.fits(job.name):
        fit = re.sub(r"[^A-Za-z0-9_-]", "-", job.name)
        raise UsageError(
            f"{job.name!r} cannot name an experiment of Azure Machine Learning",
            hint=f"it takes {facts.EXPERIMENT.words}: --experiment {fit}",
        )
    workspace = workspace_name(options, Path.cwd(), home)
    _check_processes(job.resources)
    check_horovod(job, options)
    cluster = cluster_of(options, job.resources)
    distribution, argv = _ranks(job)
    found = sources(job.requirements)
    files, own = _files(job), own_files()
    check_snapshot(files, job.snapshot.left_out, len(own) + len(found.wheels))
    return AzureRequest(
        workspace=workspace,
        experiment=job.name,
        cluster=cluster,
        nodes=job.resources.nodes,
        distribution=distribution,
        environment=environment(options, job.requirements),
        requirements=(*found.requirements, *lacking(options, job.requirements)),
        wheels=found.wheels,
        argv=argv,
        command=COMMAND,
        environment_variables=dict(job.environment),
        tags={"fledge": version("fledge"), "fledge_experiment": job.name},
        files=files,
        own=own,
        data=_data(job),
        left_out=dict(job.snapshot.left_out),
        search=searched(search, argv, seeded=options.sdk != "v1") if search else None,
    )


def node_program() -> list[Path]:
    """The files of what runs on the cluster."""
    return sorted(Path(str(resources_of(NODE_PROGRAM))).glob("*.py"))


def own_files() -> dict[str, int | None]:
    """What travels beside the job's own files and the wheels: bytes by path."""
    return {f"{NODE_PROGRAM}/{path.name}": path.stat().st_size for path in node_program()} | {JOB: None}


def _check_processes(resources: Resources) -> None:
    processes, nodes = resources.processes, resources.nodes
    if processes % nodes:
        raise UsageError(
            f"{processes} processes cannot be shared equally by {nodes} nodes",
            hint="launcher.processes counts those of all nodes together: make it a multiple of launcher.nodes",
        )
    if resources.min_processes is not None:
        raise UsageError(
            "on Azure Machine Learning the service starts the processes, and none go on where one was lost "
            "(launcher.min_processes)",
            hint="leave it out: where one was lost, fledge runs resume RUN goes on from the last checkpoint",
        )


def cluster_of(options: AzureMLOptions, resources: Resources) -> Cluster:
    """The cluster that the options name, as it would be made."""
    nodes, each = resources.nodes, resources.processes // resources.nodes
    if not facts.COMPUTE.fits(options.cluster):
        raise UsageError(
            f"backend.cluster = {options.cluster!r} cannot name a cluster", hint=f"it takes {facts.COMPUTE.words}"
        )
    _check_size(options.size, each)
    if options.max_nodes is not None and nodes > options.max_nodes:
        raise UsageError(
            f"the run asks for {nodes} nodes, and its cluster {options.cluster} is to have {options.max_nodes} at most",
            hint=f"--set backend.max_nodes={nodes}, or fewer: --nodes {options.max_nodes}",
        )
    return Cluster(
        name=options.cluster,
        size=options.size,
        min_nodes=options.min_nodes,
        max_nodes=options.max_nodes or max(nodes, options.min_nodes, _ROOM),
        idle_seconds=options.idle_seconds,
        priority=options.priority,
    )


def _check_size(size: str, processes: int) -> None:
    """`processes`: on each node. Sizes that are not known here are taken as they are: there are new ones every year."""
    if not re.fullmatch(r"(Standard|Basic)_\w+", size, re.ASCII | re.IGNORECASE):
        raise UsageError(
            f"backend.size = {size!r} names no kind of machine",
            hint=f"--set backend.size={facts.size_near(size)}, or another whose name begins with Standard_",
        )
    if instead := facts.instead_of(size):
        raise UsageError(
            f"backend.size = {size}: Azure has retired these machines", hint=f"--set backend.size={instead}"
        )
    known = facts.size_named(size)
    if known and known.gpus and processes > known.gpus:
        larger = sorted((one.gpus, one.cores, name) for name, one in facts.SIZES.items() if one.gpus >= processes)
        several = f"--set backend.size={larger[0][2]}, with {larger[0][0]} of them, or " if larger else ""
        gpus = f"{known.gpus} GPU{'s' if known.gpus > 1 else ''}"
        raise UsageError(
            f"{processes} processes on a node want a GPU each, and a {size} has {gpus}",
            hint=f"{several}more nodes: --nodes N",
        )


def _ranks(job: Job) -> tuple[Distribution | None, tuple[str, ...]]:
    """How the service is to start them, and what each executes."""
    processes, nodes = job.resources.processes, job.resources.nodes
    if job.rank and processes > 1:
        # Horovod's ranks are MPI's, which is what the service calls the way that it starts those.
        kind = "mpi" if job.launcher == "horovod" else "pytorch"
        return Distribution(kind=kind, processes_per_node=processes // nodes), job.rank
    if nodes > 1:
        # A command that starts the ranks of its node by itself.
        return Distribution(kind="pytorch", processes_per_node=1), job.argv
    return None, job.argv


def _data(job: Job) -> dict[str, int]:
    for file in job.snapshot.data:
        # The blob store drops such a dot and says nothing, and has UTF-8 alone.
        if any(part.endswith(".") for part in file.target.split("/")) or not _is_text(file.target):
            raise UsageError(
                f"{file.source.name!r} in {str(file.source.parent)!r} cannot be brought to the workspace by this name",
                hint="no name of a file or folder may end with a dot there, or be anything but UTF-8: rename it",
            )
    return {file.target: file.size for file in job.snapshot.data}


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _files(job: Job) -> dict[str, int]:
    gone = [file.source for file in job.snapshot.files if not file.source.is_file()]
    if gone:
        raise UsageError(
            f"the run is to take along {gone[0]}, and there is no such file", hint="was it removed just now?"
        )
    texts = {name: len(text.encode()) for name, text in job.files.items()}
    return {file.target: file.size for file in job.snapshot.code} | texts
