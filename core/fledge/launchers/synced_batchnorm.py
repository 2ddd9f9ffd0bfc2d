"""SyncedBatchNorm: batch normalisation over the samples of all processes, on a CPU; torch's own is for GPUs alone."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


class _Total(torch.autograd.Function):
    """The sum over all processes, whose gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, mine: Tensor) -> Tensor:
        total = mine.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        total = grads[0].clone()
        dist.all_reduce(total)
        return total


class SyncedBatchNorm(nn.modules.batchnorm._BatchNorm):
    """In training: x [N, C, ...] normalised by its mean and variance a channel, over the samples of all processes.

    Half-precision inputs are normalised in float32, in which the statistics are kept, and come out as they came in.
    """

    @classmethod
    def convert(cls, module: nn.Module) -> nn.Module:
        """The module with such layers in place of its own, which share their parameters and buffers."""
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            synced = cls(module.num_features, module.eps, module.momentum, module.affine, module.track_running_stats)
            synced._parameters, synced._buffers = module._parameters, module._buffers
            return synced.train(module.training)
        for name, child in module.named_children():
            setattr(module, name, cls.convert(child))
        return module

    def forward(self, inputs: Tensor) -> Tensor:
        if not self.training:
            usual: Tensor = super().forward(inputs)
            return usual
        return self._normal(inputs.to(torch.promote_types(inputs.dtype, torch.float32))).to(inputs.dtype)

    def _normal(self, inputs: Tensor) -> Tensor:
        over = [0, *range(2, inputs.dim())]
        shape = [1, -1, *[1] * (inputs.dim() - 2)]
        count = inputs.new_tensor([inputs.numel() / inputs.shape[1]])
        *sums, count = _Total.apply(torch.cat([inputs.sum(over), count])).split([inputs.shape[1], 1])
        mean = sums[0] / count
        centered = inputs - mean.view(shape)
        variance = _Total.apply(centered.square().sum(over)) / count
        self._track(mean.detach(), (variance * count / (count - 1)).detach())
        normal: Tensor = centered * torch.rsqrt(variance + self.eps).view(shape)
        return normal * self.weight.view(shape) + self.bias.view(shape) if self.affine else normal

    def _track(self, mean: Tensor, variance: Tensor) -> None:
        if self.num_batches_tracked is None or self.running_mean is None or self.running_var is None:
            return
        self.num_batches_tracked.add_(1)
        factor = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, factor)
        self.running_var.lerp_(variance, factor)

    def _check_input_dim(self, _: Tensor) -> None:
        """Any number of dimensions."""
