"""TrainingState: all that changes while a model trains, as tensors and JSON values.

Not in it, because they are functions of the spec and the position: the order of the images, their augmentation,
dropout, the learning rate. So it needs no random states, and a loop that is given it back goes on to the very
same weights.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from fledge.training.loop import Loop, Position


def capture(loop: Loop, at: Position) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Copies on the CPU, which training may go on beside."""
    tensors = {f"module/{name}": tensor for name, tensor in loop.module.state_dict().items()}
    rest: dict[str, dict[str, Any]] = {}
    for index, state in loop.optimizer.state_dict()["state"].items():
        for name, value in state.items():
            if isinstance(value, Tensor):
                tensors[f"optimizer/{index}/{name}"] = value
            else:
                rest.setdefault(str(index), {})[name] = value
    tensors |= {f"running/{name}": tensor for name, tensor in at.running.state().items()}
    copies = {
        name: torch.empty(tensor.shape, dtype=tensor.dtype).copy_(tensor.detach()) for name, tensor in tensors.items()
    }
    rates = [group["lr"] for group in loop.optimizer.param_groups]
    return copies, {"epoch": at.epoch, "step": at.step, "optimizer": rest, "lr": rates}


def restore(loop: Loop, tensors: Mapping[str, Tensor], told: Mapping[str, Any]) -> Position:
    """Give a newly made loop the state that `capture` told; returns the position to go on from."""
    module = {name.removeprefix("module/"): value for name, value in tensors.items() if name.startswith("module/")}
    loop.module.load_state_dict(module)
    parameters = [one for group in loop.optimizer.param_groups for one in group["params"]]
    state: dict[int, dict[str, Any]] = {int(index): dict(rest) for index, rest in told["optimizer"].items()}
    for key, value in tensors.items():
        if key.startswith("optimizer/"):
            _, index, name = key.split("/", 2)
            state.setdefault(int(index), {})[name] = _like(parameters[int(index)], value)
    loop.optimizer.load_state_dict({"state": state, "param_groups": loop.optimizer.state_dict()["param_groups"]})
    # Set anew before each step; an epoch that has none left still tells it.
    for group, rate in zip(loop.optimizer.param_groups, told["lr"], strict=True):
        group["lr"] = rate
    at = loop.beginning(told["epoch"])
    at.step = told["step"]
    running = {name.removeprefix("running/"): value for name, value in tensors.items() if name.startswith("running/")}
    at.running.restore(running)
    return at


def _like(parameter: Tensor, value: Tensor) -> Tensor:
    """A copy in memory of torch's own, laid out as the parameter is: the form in which the optimizer had made it."""
    if value.shape != parameter.shape:
        return value.clone()
    return torch.empty_like(parameter, dtype=value.dtype, device=value.device, requires_grad=False).copy_(value)
