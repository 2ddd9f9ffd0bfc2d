"""What may be set for the Azure ML backend, and for what else speaks to a workspace."""

from pathlib import Path
from typing import Literal

from fledge import Options
from pydantic import Field, model_validator

from fledge_azureml.facts import DEFAULT_INSTANCE, DEFAULT_SIZE, IMAGE, SERVING_IMAGE


class WorkspaceOptions(Options):
    """Which workspace, and who speaks to it."""

    sdk: Literal["auto", "v1", "v2"] = Field(
        "auto",
        description="which of Microsoft's two SDKs speaks to the workspace: v2 (azure-ai-ml), or v1 (azureml-core), "
        "whose support has ended; auto takes v2 where both are installed",
    )
    config: Path | None = Field(
        None,
        description="the workspace's config.json; left out, it is looked for in the working folder and its parents, "
        "and in .azureml/ and aml_config/ of each",
    )
    subscription_id: str | None = Field(None, description="the subscription, instead of the one that config.json names")
    resource_group: str | None = Field(
        None, description="the resource group, instead of the one that config.json names"
    )
    workspace: str | None = Field(None, description="the workspace's name, instead of the one that config.json names")


class AzureMLOptions(WorkspaceOptions):
    cluster: str = Field(
        "gpu-cluster", description="the compute cluster: used as it is where there is one of the name, made otherwise"
    )
    size: str = Field(DEFAULT_SIZE, description="of a cluster that is made: the kind of its machines")
    min_nodes: int = Field(
        0, ge=0, description="of a cluster that is made: so many are kept, and paid for, at all times"
    )
    max_nodes: int | None = Field(
        None,
        ge=1,
        description="of a cluster that is made: it grows to so many; left out, to 4, or to more if the run needs them",
    )
    idle_seconds: int = Field(
        600, ge=0, description="of a cluster that is made: a node with nothing to do is given back after so long"
    )
    priority: Literal["dedicated", "low_priority"] = Field(
        "dedicated",
        description="of a cluster that is made: low_priority is cheaper and may be taken away at any time, "
        "where the service still has it",
    )
    environment: str | None = Field(
        None,
        description="an environment that the workspace knows, such as a curated one, which must have Python 3.11 or "
        "newer (many curated ones for PyTorch have 3.10) and torch, and to deploy all that answering needs; what else "
        "a run needs is installed where it is missing: NAME, NAME:VERSION, NAME@latest or azureml://registries/...",
    )
    image: str | None = Field(
        None,
        description=f"the Docker image on which Python and the packages are installed; left out: {IMAGE}, "
        f"or to deploy {SERVING_IMAGE}",
    )
    pip: tuple[str, ...] = Field((), description="what pip installs besides, as requirement lines")
    conda: tuple[str, ...] = Field((), description="what conda installs besides, such as libsndfile or ffmpeg=7")

    instance_type: str = Field(DEFAULT_INSTANCE, description="of a deployment: the kind of the machines that answer")
    instance_count: int = Field(1, ge=1, description="of a deployment: how many machines answer")

    @model_validator(mode="after")
    def _one_environment(self) -> "AzureMLOptions":
        told = [name for name in ("image", "pip", "conda") if getattr(self, name)]
        if self.environment is not None and told:
            raise ValueError(
                f"an environment that the workspace knows is taken as it is: leave out {' and '.join(told)}, "
                "or leave out environment"
            )
        return self

    @model_validator(mode="after")
    def _in_order(self) -> "AzureMLOptions":
        if self.max_nodes is not None and self.min_nodes > self.max_nodes:
            raise ValueError(f"min_nodes = {self.min_nodes} is more than max_nodes = {self.max_nodes}")
        return self
