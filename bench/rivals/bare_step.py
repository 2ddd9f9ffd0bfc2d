"""The least that a training of all layers can cost: forward, backward and SGD on one batch that is already there.

    python -m rivals.bare_step WEIGHTS [--precision fp32|bf16] [--contiguous] [--rounds N]

Nothing is decoded, loaded or counted. Prints one JSON object: images a second of each round of 8 steps, about an epoch
of the photographs. In the first round the kernels are still being chosen.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from rivals.common import BATCH, LR, MOMENTUM, network
from torch import nn
from torch.optim import SGD

STEPS = 8


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("weights", type=Path)
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="fp32")
    parser.add_argument("--contiguous", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    torch.manual_seed(0)
    layout = torch.contiguous_format if told.contiguous else torch.channels_last
    model = network(told.weights, 2).train().to(memory_format=layout)
    optimizer = SGD(model.parameters(), lr=LR, momentum=MOMENTUM)
    inputs = torch.randn(BATCH, 3, 224, 224).contiguous(memory_format=layout)
    labels = torch.arange(BATCH) % 2
    rates = []
    for _ in range(told.rounds):
        began = time.perf_counter()
        for _ in range(STEPS):
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=told.precision == "bf16"):
                outputs = model(inputs)
            nn.functional.cross_entropy(outputs.float(), labels).backward()
            optimizer.step()
        rates.append(STEPS * BATCH / (time.perf_counter() - began))
    print(json.dumps({"images_per_second": rates, "threads": torch.get_num_threads()}))


if __name__ == "__main__":
    main()
