"""ChannelsLast: gradients whose channels come last, shown to Horovod as it takes them, and without a copy."""

import torch
from torch import Tensor


class ChannelsLast:
    """What Horovod calls a compression. It takes contiguous tensors alone, and these are so in another order."""

    @staticmethod
    def compress(tensor: Tensor) -> tuple[Tensor, bool]:
        if tensor.is_contiguous():
            return tensor, False
        if tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last):
            return tensor.permute(0, 2, 3, 1), True
        return tensor.contiguous(), False

    @staticmethod
    def decompress(tensor: Tensor, turned: bool) -> Tensor:
        return tensor.permute(0, 3, 1, 2) if turned else tensor
