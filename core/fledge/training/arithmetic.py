"""In which number format and memory layout a network computes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fledge.errors import PluginError, SpecError
from fledge.profiling import timed
from fledge.spec.training import TrainingSpec

Forward = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Arithmetic:
    """bf16: mixed precision, the weights staying float32. layout: of images [N, C, H, W] and convolutions' weights."""

    device: torch.device
    bf16: bool
    layout: torch.memory_format

    @classmethod
    def of(cls, spec: TrainingSpec, device: torch.device, began: str | None = None) -> "Arithmetic":
        """`began`: the precision that a run began with, which is kept to where the device can.

        Raises SpecError for bf16 on a device that only imitates it.
        """
        there = has_bf16(device) and began != "fp32"
        if spec.precision == "bf16" and not there:
            raise SpecError(
                f"training.precision = 'bf16': this machine's {device.type} has no instructions for it, "
                "and imitating it is slower than fp32",
                hint="leave it at 'auto', which takes bf16 where there is one",
            )
        layout = torch.channels_last if spec.channels_last else torch.contiguous_format
        return cls(device, there and spec.precision != "fp32", layout)

    @property
    def precision(self) -> str:
        return "bf16" if self.bf16 else "fp32"

    def settle(self, module: nn.Module) -> nn.Module:
        """The module, moved to where and how it computes."""
        return module.to(self.device).to(memory_format=self.layout)

    def forward(self, module: nn.Module) -> Forward:
        """The module as a function to float32."""
        if not self.bf16:
            return module

        def mixed(inputs: Tensor) -> Tensor:
            with torch.autocast(self.device.type, torch.bfloat16):
                outputs: Tensor = module(inputs)
            return outputs.float()

        return mixed

    def pixels(self, mean: Sequence[float], std: Sequence[float]) -> Forward:
        """From uint8 [N, 3, H, W] on any device to the network's normalized float32 input."""
        scale = torch.tensor([1 / (255 * one) for one in std], device=self.device)[:, None, None]
        shift = torch.tensor([-m / s for m, s in zip(mean, std, strict=True)], device=self.device)[:, None, None]

        def normalize(pixels: Tensor) -> Tensor:
            there = pixels.to(self.device, non_blocking=True)
            # Laid out last: with the channels last, a factor a channel costs a processor five times as much.
            return there.to(torch.float32).mul_(scale).add_(shift).contiguous(memory_format=self.layout)

        return normalize


@timed("augment")
def transformed(transform: Callable[[Tensor], Tensor], image: Tensor, name: str) -> Tensor:
    """What a model's transforms make of an image. Raises PluginError where it is not uint8 [3, H, W]."""
    pixels = transform(image)
    if pixels.dtype != torch.uint8:
        raise PluginError(
            f"the model's transforms made {pixels.dtype} of {name}, where uint8 [3, H, W] is promised",
            hint="leave scaling and normalizing to the model's `normalization`",
        )
    return pixels


def has_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    known: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(known.get("avx512_bf16") or known.get("amx_bf16"))
