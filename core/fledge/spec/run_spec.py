"""RunSpec: what a person asks for, validated."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PositiveInt, PrivateAttr, StringConstraints, model_validator

from fledge.spec.names import NAME_PATTERN
from fledge.spec.script import ScriptSpec
from fledge.spec.section import Choice, Section
from fledge.spec.training import TrainingSpec

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN.pattern)]


class LauncherSpec(Choice):
    name: str = Field("single", description="how the processes of the run are started")
    processes: PositiveInt = Field(1, description="processes that train together, on all nodes")
    min_processes: PositiveInt | None = Field(
        None, description="so few go on where others were killed, from the last checkpoint; left out: none do"
    )
    nodes: PositiveInt = Field(1, description="machines that share them equally")

    @model_validator(mode="after")
    def _in_order(self) -> "LauncherSpec":
        if self.min_processes is not None and self.min_processes > self.processes:
            raise ValueError(f"min_processes = {self.min_processes} is more than processes = {self.processes}")
        return self


class BackendSpec(Choice):
    name: str = Field("local", description="where the run happens")


class RegistrySpec(Choice):
    name: str = Field("local", description="where trained models are kept")


class RunSpec(Section):
    """One run. Either `dataset` and `model` (fledge trains) or `script` (yours is executed)."""

    experiment: Name = Field("default", description="the heading under which runs are grouped")
    seed: int = Field(0, ge=0, lt=2**63, description="from which all randomness follows")
    register_as: Name | None = Field(
        None, alias="register", description="the name in the registry under which the trained model is kept"
    )
    dataset: Choice | None = Field(None, description="labelled images")
    model: Choice | None = Field(None, description="the network")
    training: TrainingSpec = Field(default_factory=TrainingSpec, description="how it learns")
    script: ScriptSpec | None = Field(None, description="a script of yours, instead of dataset, model and training")
    backend: BackendSpec = Field(default_factory=BackendSpec)
    launcher: LauncherSpec = Field(default_factory=LauncherSpec)
    registry: RegistrySpec = Field(default_factory=RegistrySpec)
    trackers: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="where metrics are sent: a table of options for each tracker"
    )
    extensions: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="what else happens to the trained model: a table of options for each"
    )

    # Where each key was written, because relative paths mean something else in a file than on the command line.
    _bases: dict[str, Path] = PrivateAttr(default_factory=dict)
    _notes: list[str] = PrivateAttr(default_factory=list)
    _file: str | None = PrivateAttr(None)
    _overrides: dict[str, Any] = PrivateAttr(default_factory=dict)

    @property
    def workload(self) -> str:
        return "script" if self.script else "train"

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know about how the words became this spec."""
        return tuple(self._notes)

    @property
    def file(self) -> str | None:
        """The absolute path of the file it was read from, where it was."""
        return self._file

    @property
    def overrides(self) -> Mapping[str, Any]:
        """What was laid over the file, by key."""
        return self._overrides

    def base_of(self, key: str) -> Path:
        """The absolute folder that a relative path written at `key` ("dataset.root") is relative to."""
        return self._bases.get(key) or self._bases.get(key.split(".")[0]) or Path.cwd()

    @model_validator(mode="after")
    def _one_workload(self) -> "RunSpec":
        if self.script is not None:
            told: list[str] = [key for key in ("dataset", "model", "training") if key in self.model_fields_set]
            told += ["register"] if self.register_as else []
            if told:
                raise ValueError(
                    f"a run either executes script or trains: leave out {' and '.join(told)}, or leave out script"
                )
        return self

    def to_dict(self) -> dict[str, Any]:
        """Plain values that TOML and JSON can both hold; reading them back gives an equal spec."""
        told = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        if self.script is not None:
            told.pop("training")
        return told
