"""All layers trained in one process or in many, as a person writes it by hand: plain torch, plain DDP, plain Horovod.

    python -m rivals.plain PHOTOS WEIGHTS [--epochs N]
    torchrun --standalone --nproc-per-node 2 -m rivals.plain PHOTOS WEIGHTS --engine ddp
    horovodrun -np 2 --gloo python -m rivals.plain PHOTOS WEIGHTS --engine horovod

Batches of 32 over all processes, SGD 0.001/0.9, photographs decoded beforehand, channels last where the engine takes
them (Horovod takes contiguous tensors alone): what fledge does, and nothing of what it does besides. Rank 0 prints one
JSON object: images a second of each epoch's training alone.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from rivals.common import BATCH, LR, MOMENTUM, network
from torch import Tensor, nn
from torch.optim import SGD
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

AUGMENT = nn.Sequential(v2.RandomResizedCrop(224), v2.RandomHorizontalFlip())
MEAN, STD = (torch.tensor(one).view(3, 1, 1) for one in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))


def engine(name: str, module: nn.Module) -> tuple[nn.Module, Any, int, int]:
    """(what to call, the optimizer, rank, world size)."""
    if name == "ddp":
        import torch.distributed as dist
        from torch.nn.parallel import DistributedDataParallel

        dist.init_process_group("gloo")
        tied = DistributedDataParallel(module, gradient_as_bucket_view=True)
        return tied, SGD(module.parameters(), LR, MOMENTUM, fused=True), dist.get_rank(), dist.get_world_size()
    optimizer = SGD(module.parameters(), LR, MOMENTUM, fused=True)
    if name == "horovod":
        import horovod.torch as hvd

        hvd.init()
        hvd.broadcast_parameters(module.state_dict(), root_rank=0)
        tied = hvd.DistributedOptimizer(optimizer, named_parameters=module.named_parameters())
        return module, tied, hvd.rank(), hvd.size()
    return module, optimizer, 0, 1


def batches(images: list[Tensor], labels: Tensor, epoch: int, rank: int, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(epoch))
    for indices in order.split(BATCH):
        mine = indices.tensor_split(size)[rank]
        pixels = torch.stack([AUGMENT(images[index]) for index in mine.tolist()])
        yield pixels.float().div_(255).sub_(MEAN).div_(STD), labels[mine]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("photos", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--engine", choices=("none", "ddp", "horovod"), default="none")
    told = parser.parse_args()
    torch.manual_seed(0)
    data = ImageFolder(told.photos / "train", v2.Compose([v2.Resize(256), v2.PILToTensor()]))
    images, labels = [image for image, _ in data], torch.tensor(data.targets)
    layout = torch.contiguous_format if told.engine == "horovod" else torch.channels_last
    module = network(told.weights, len(data.classes)).train().to(memory_format=layout)
    tied, optimizer, rank, size = engine(told.engine, module)
    rates = []
    for epoch in range(told.epochs):
        began = time.perf_counter()
        for inputs, targets in batches(images, labels, epoch, rank, size):
            optimizer.zero_grad()
            nn.functional.cross_entropy(tied(inputs.contiguous(memory_format=layout)), targets).backward()
            optimizer.step()
        rates.append(len(images) / (time.perf_counter() - began))
    if rank == 0:
        print(json.dumps({"images_per_second": rates, "threads": torch.get_num_threads()}), flush=True)


if __name__ == "__main__":
    main()
