"""What a person may set for an ONNX file."""

from typing import Literal

from fledge import Options
from pydantic import Field


class OnnxOptions(Options):
    precision: Literal["fp32", "fp16", "int8"] = Field(
        default="fp32",
        description="number format of the file's arithmetic; fp16: half the size; int8: a quarter, and fast on "
        "processors, its ranges taken from training images",
    )
    opset: int | None = Field(
        default=None, ge=18, le=25, description="version of ONNX's operators; none: what torch.onnx takes by itself"
    )
