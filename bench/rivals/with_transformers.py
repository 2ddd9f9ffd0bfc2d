"""Hugging Face's Trainer training all layers; see common.py.

Its own defaults: `TrainingArguments()`: batches of 8 without loader processes, AdamW, clipping, a falling rate. The
network is torchvision's, wrapped as the Trainer expects it, since its own ResNets come from a hub.
fledge's settings: `bf16=True`, no clipping; the layout is the network's and the collator's affair.
"""

import tempfile
from typing import Any

import torch
from rivals.common import BATCH, LR, MOMENTUM, Arguments, Watch, arguments, layout, network, photographs
from torch import nn
from transformers import Trainer, TrainerCallback, TrainingArguments

Batch = dict[str, torch.Tensor]


class Classifier(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: torch.Tensor, labels: torch.Tensor) -> Batch:
        logits = self.model(pixel_values)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


class Watched(TrainerCallback):
    def __init__(self, watch: Watch, images: range) -> None:
        self.watch, self.images = watch, images

    def on_epoch_begin(self, *_: Any, **__: Any) -> None:
        self.watch.begins()

    def on_epoch_end(self, *_: Any, **__: Any) -> None:
        # No batch is shown to a callback, but none is dropped either.
        self.watch.saw(self.images)
        self.watch.ends()


def settings(told: Arguments) -> dict[str, Any]:
    if not told.same:
        return {}
    sgd = {"optim": "sgd", "optim_args": f"momentum={MOMENTUM}", "learning_rate": LR, "lr_scheduler_type": "constant"}
    loader = {"per_device_train_batch_size": BATCH, "dataloader_num_workers": told.workers}
    return {**loader, "max_grad_norm": 0, "use_cpu": True, "bf16": told.bf16, **sgd}


def main() -> None:
    told, watch = arguments(), Watch()
    data = photographs(told)
    model = Classifier(network(told.weights, len(data.classes))).to(memory_format=layout(told))

    def collated(samples: list[tuple[torch.Tensor, int]]) -> Batch:
        images = torch.stack([image for image, _ in samples]).contiguous(memory_format=layout(told))
        return {"pixel_values": images, "labels": torch.tensor([label for _, label in samples])}

    with tempfile.TemporaryDirectory() as folder:
        chosen = TrainingArguments(
            output_dir=folder,
            num_train_epochs=told.epochs,
            # As `ImageFolder` is none of its own data sets.
            remove_unused_columns=False,
            # It saves before the last epoch ends, which would count, and cannot save weights with channels last.
            save_strategy="no",
            **settings(told),
        )
        watched = Watched(watch, range(len(data)))
        Trainer(model=model, args=chosen, train_dataset=data, data_collator=collated, callbacks=[watched]).train()
    watch.tell()


if __name__ == "__main__":
    main()
