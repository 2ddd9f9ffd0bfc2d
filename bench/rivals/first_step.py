"""What any training needs before its first step is done, and nothing else: a script without a word too many.

    python first_step.py PHOTOS WEIGHTS [--fp32]

In bf16, images with their channels last, as fledge does where the processor has instructions for it; --fp32: as most
scripts do. Prints one JSON object: the time of day, in seconds, when the first step was done.
"""

import json
import sys
import time

import torch
from torch import nn
from torch.optim import SGD
from torch.utils.data import DataLoader
from torchvision import models, transforms
from torchvision.datasets import ImageFolder

TRAIN = transforms.Compose(
    [
        transforms.RandomResizedCrop(224),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]
)


def main() -> int:
    photos, weights = sys.argv[1:3]
    fast = "--fp32" not in sys.argv
    torch.manual_seed(0)
    data = ImageFolder(f"{photos}/train", TRAIN)
    model = models.resnet18()
    model.load_state_dict(torch.load(weights, weights_only=True))
    model.fc = nn.Linear(model.fc.in_features, len(data.classes))
    if fast:
        model.to(memory_format=torch.channels_last)
    optimizer = SGD(model.parameters(), lr=0.01, momentum=0.9)
    model.train()
    inputs, labels = next(iter(DataLoader(data, batch_size=32, shuffle=True)))
    optimizer.zero_grad()
    if fast:
        inputs = inputs.contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16, enabled=fast):
        loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()
    print(json.dumps({"first_step": time.time()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
