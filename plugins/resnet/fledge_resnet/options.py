"""What a person may set in the spec's [model] section for a ResNet."""

from pathlib import Path
from typing import Literal

from fledge import Options
from pydantic import Field, field_validator


class ResNetOptions(Options):
    weights: Literal["imagenet", "none"] | Path = Field(
        default="imagenet",
        description='where training starts: "imagenet" (torchvision\'s IMAGENET1K_V1 weights, fetched and verified), '
        '"none" (random), or a checkpoint file of the same architecture (.pth, .pt or .safetensors)',
    )
    image_size: int = Field(
        default=224,
        ge=32,
        le=1024,
        description="edge of the square that the network sees, in pixels",
    )

    @field_validator("weights")
    @classmethod
    def _is_no_slip(cls, weights: str | Path) -> str | Path:
        # "imagnet" is a path too, and would be missed only when the photographs had been fetched.
        if isinstance(weights, Path) and not weights.suffix and len(weights.parts) == 1:
            raise ValueError(f"'{weights}' is neither 'imagenet' nor 'none', nor a checkpoint file with its ending")
        return weights
