"""The transfer-learning tutorial's training, written anew: what a person would otherwise run.

    python tutorial.py PHOTOS WEIGHTS [--epochs N] [--model FILE]

Batches of 4 by 4 loader processes, SGD 0.001/0.9, the rate a tenth after 7 epochs, the best state kept and saved.
Prints one JSON object: accuracy, seconds since the process began to the first time it was reached, images a second.
"""

import argparse
import copy
import json
import sys
import time

import psutil
import torch
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader
from torchvision import datasets, models, transforms

NORMALIZE = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
TRAIN = transforms.Compose(
    [transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip(), transforms.ToTensor(), NORMALIZE]
)
VAL = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(), NORMALIZE])


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("photos")
    parser.add_argument("weights")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--model")
    told = parser.parse_args()
    born = psutil.Process().create_time()
    torch.manual_seed(0)
    data = {
        split: datasets.ImageFolder(f"{told.photos}/{split}", transform)
        for split, transform in (("train", TRAIN), ("val", VAL))
    }
    loaders = {split: DataLoader(one, batch_size=4, shuffle=True, num_workers=4) for split, one in data.items()}
    model = models.resnet18()
    model.load_state_dict(torch.load(told.weights, weights_only=True))
    model.fc = nn.Linear(model.fc.in_features, len(data["train"].classes))
    criterion = nn.CrossEntropyLoss()
    optimizer = SGD(model.parameters(), lr=0.001, momentum=0.9)
    scheduler = StepLR(optimizer, step_size=7, gamma=0.1)
    best, reached, kept, rates, epoch_ends = 0.0, 0.0, {}, [], []
    for _ in range(told.epochs):
        began = time.perf_counter()
        model.train()
        for inputs, labels in loaders["train"]:
            optimizer.zero_grad()
            outputs = model(inputs)
            loss = criterion(outputs, labels)
            loss.backward()
            optimizer.step()
            loss.item()
        scheduler.step()
        rates.append(len(data["train"]) / (time.perf_counter() - began))
        model.eval()
        right = 0
        with torch.no_grad():
            for inputs, labels in loaders["val"]:
                right += int((model(inputs).argmax(1) == labels).sum())
        accuracy = right / len(data["val"])
        epoch_ends.append(time.time() - born)
        if accuracy > best:
            best, reached, kept = accuracy, epoch_ends[-1], copy.deepcopy(model.state_dict())
    if told.model:
        torch.save(kept, told.model)
    print(json.dumps({"accuracy": best, "reached": reached, "images_per_second": rates, "epoch_ends": epoch_ends}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
