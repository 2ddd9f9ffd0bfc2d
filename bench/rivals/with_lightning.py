"""Lightning's training of all layers; see common.py.

Its own defaults: a plain module and `Trainer()`; batches of 8 without loader processes and Adam 0.001, as its example
of fine-tuning for computer vision has them (its introduction has batches of 1, which would be no match).
fledge's settings: `precision="bf16-mixed"`; the layout is the module's own affair.
"""

import tempfile
from typing import Any

import lightning
import torch
from rivals.common import BATCH, LR, MOMENTUM, Arguments, Watch, arguments, layout, network, photographs
from torch import nn
from torch.optim import SGD, Adam, Optimizer
from torch.utils.data import DataLoader


class Classifier(lightning.LightningModule):
    def __init__(self, told: Arguments, classes: int) -> None:
        super().__init__()
        self.told = told
        self.model = network(told.weights, classes)

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        inputs, labels = batch
        loss = nn.functional.cross_entropy(self.model(inputs.contiguous(memory_format=layout(self.told))), labels)
        self.log("train_loss", loss)
        return loss

    def configure_optimizers(self) -> Optimizer:
        if self.told.same:
            return SGD(self.parameters(), lr=LR, momentum=MOMENTUM)
        return Adam(self.parameters(), lr=1e-3)


class Watched(lightning.Callback):
    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def on_train_epoch_start(self, *_: Any) -> None:
        self.watch.begins()

    def on_train_batch_end(self, _trainer: Any, _module: Any, _outputs: Any, batch: list[torch.Tensor], _: int) -> None:
        self.watch.saw(batch[1])

    def on_train_epoch_end(self, *_: Any) -> None:
        # There is no validation inside the epoch, and checkpoints are written after this.
        self.watch.ends()


def main() -> None:
    told, watch = arguments(), Watch()
    data = photographs(told)
    module = Classifier(told, len(data.classes)).to(memory_format=layout(told))
    with tempfile.TemporaryDirectory() as folder:
        trainer = lightning.Trainer(
            max_epochs=told.epochs,
            callbacks=[Watched(watch)],
            default_root_dir=folder,
            **({"precision": "bf16-mixed"} if told.bf16 else {}),
        )
        batch = BATCH if told.same else 8
        trainer.fit(module, DataLoader(data, batch_size=batch, shuffle=True, num_workers=told.workers))
    watch.tell()


if __name__ == "__main__":
    main()
