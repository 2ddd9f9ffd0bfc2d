"""What every folder of images can be told."""

from typing import Literal

from pydantic import Field

from fledge.interfaces.options import Options


class FolderOptions(Options):
    on_error: Literal["fail", "skip"] = Field(
        "fail", description="What to do about files that are no whole image: stop, or leave them out."
    )
    val_fraction: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Share of each class held out for validation when the folder has no val/; "
        "0.2 where it has neither train/ nor val/.",
    )
    split_seed: int = Field(0, description="Another seed holds out other images.")
