"""Options: the base of every plugin's option class."""

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """What a person may set in a spec's section for this offer, besides its name.

    A field's description is its help. A field of type `pathlib.Path` may be written relative
    to the spec file, or on the command line relative to the working folder: implementations
    always see it absolute.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)
