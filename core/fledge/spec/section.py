"""Section: the base of everything in a run spec, and Choice, a section that names a plugin's offer."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """Unknown keys are errors; a spec never changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, allow_inf_nan=False)


class Choice(Section):
    """An offer by name; every other key is an option of that offer, checked against its option class by the plan."""

    model_config = ConfigDict(extra="allow")

    name: str = Field(min_length=1, description="name of an installed plugin's offer")

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.model_extra or {})
