"""What a job comes to on Azure Machine Learning: the typed request, as --dry-run prints it and `submit` sends it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WorkspaceName(Part):
    subscription_id: str
    resource_group: str
    workspace_name: str


class Cluster(Part):
    """Used where the workspace has one of that name, and otherwise made like this."""

    name: str
    size: str
    min_nodes: int
    max_nodes: int
    idle_seconds: int
    priority: Literal["dedicated", "low_priority"]


class Environment(Part):
    """Either `name`, of an environment that the workspace knows ("NAME", "NAME:VERSION", "NAME@latest" or
    "azureml://registries/..."), or `image`, with a conda specification of what is added to it."""

    name: str | None = None
    image: str | None = None
    conda: dict[str, object] | None = None


class Distribution(Part):
    """How the service starts the ranks: each process of each node executes the command."""

    kind: Literal["mpi", "pytorch"]
    processes_per_node: int


class Wheel(Part):
    """A distribution that no index has at this version: built here, from the folder that it is installed from."""

    name: str
    version: str
    source: str


class Parameter(Part):
    """One of a search: `name` is the service's for the key of the spec.

    low and high   of a choice: none; else the bounds of the distribution `kind`, which for those whose names have "log"
                   in them are the natural logarithms of the values'
    values         of a choice: what it is of; true and false are words
    whole          whether its values are whole numbers, however the service writes them
    """

    name: str
    key: str
    kind: Literal["choice", "uniform", "loguniform", "quniform", "qloguniform"]
    whole: bool = False
    values: tuple[str | int | float, ...] = ()
    low: float | None = None
    high: float | None = None


class EarlyEnd(Part):
    """A bandit policy, in the service's words."""

    slack_factor: float
    evaluation_interval: int
    delay_evaluation: int


class SearchRequest(Part):
    """What the service is to look for, and how. metric is as MLflow is told it."""

    parameters: tuple[Parameter, ...]
    sampling: Literal["random", "grid"]
    seed: int | None
    early_end: EarlyEnd | None
    metric: str
    goal: Literal["maximize", "minimize"]
    trials: int
    parallel: int


class AzureRequest(Part):
    """
    files        what travels, by path below the job's working folder: bytes
    own          what travels of this backend's own, by path below the folder that is uploaded: bytes, none of what is
                 written only then
    data         what travels besides, into the workspace's blob store, once however many runs read it: a folder of
                 photographs, say
    left_out     how many files stay behind, by the reason
    requirements pinned distributions that the job's environment must have, as pip requirement lines
    wheels       those that travel instead
    argv         what each rank executes, in fledge's words: "python" is the job's interpreter
    command      the same as the service's shell reads it
    search       of a sweep, each trial of which has the command, and "--NAME=VALUE" or "--NAME VALUE" of each parameter
    """

    workspace: WorkspaceName
    experiment: str
    cluster: Cluster
    nodes: int
    distribution: Distribution | None
    environment: Environment
    requirements: tuple[str, ...]
    wheels: tuple[Wheel, ...]
    argv: tuple[str, ...]
    command: str
    environment_variables: dict[str, str]
    tags: dict[str, str]
    files: dict[str, int]
    left_out: dict[str, int]
    own: dict[str, int | None] = {}
    data: dict[str, int] = {}
    search: SearchRequest | None = None
