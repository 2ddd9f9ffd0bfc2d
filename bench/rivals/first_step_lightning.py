"""What `first_step.py` does, by Lightning's Trainer.

    python -m rivals.first_step_lightning PHOTOS WEIGHTS      # from the folder above, in Lightning's environment

Prints one JSON object: the time of day, in seconds, when the first step was done.
"""

import json
import sys
import time
from typing import Any

import torch
from lightning.pytorch import (
    Callback,
    LightningModule,
    Trainer,
    seed_everything,
)
from rivals.first_step import TRAIN
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import models
from torchvision.datasets import ImageFolder


class Classifier(LightningModule):
    def __init__(self, weights: str, classes: int) -> None:
        super().__init__()
        self.model = models.resnet18()
        self.model.load_state_dict(torch.load(weights, weights_only=True))
        self.model.fc = nn.Linear(self.model.fc.in_features, classes)
        self.to(memory_format=torch.channels_last)

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        images, labels = batch
        return nn.functional.cross_entropy(self.model(images.contiguous(memory_format=torch.channels_last)), labels)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.01, momentum=0.9)


class Watch(Callback):
    def on_train_batch_end(self, *_: Any) -> None:
        print(json.dumps({"first_step": time.time()}))


def main() -> int:
    photos, weights = sys.argv[1:3]
    seed_everything(0)
    data = ImageFolder(f"{photos}/train", TRAIN)
    trainer = Trainer(
        max_steps=1,
        accelerator="cpu",
        precision="bf16-mixed",
        callbacks=[Watch()],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Classifier(weights, len(data.classes)), DataLoader(data, batch_size=32, shuffle=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
