"""FeatureBatches: what a frozen backbone makes of every image, computed once."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from fledge.training.batches import Batch, Batches


class FeatureBatches(Batches):
    """float32 features [B, F], held in memory: two kilobytes an image for a ResNet-18."""

    def __init__(self, features: Tensor, labels: Tensor, *, batch_size: int, seed: int, shuffled: bool) -> None:
        super().__init__(len(labels), batch_size, seed, shuffled=shuffled)
        self.features = features
        self.labels = labels

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        for indices in self.order(epoch)[start:]:
            at = torch.tensor(indices, device=self.labels.device)
            yield self.features[at], self.labels[at]


@torch.inference_mode()
def extract_features(backbone: nn.Module, images: Batches, tell: Callable[[int], None]) -> tuple[Tensor, Tensor]:
    """Features [N, F] and labels [N] of all images, in order; `tell` is called with how many are done.

    The backbone runs in evaluation mode: frozen means its batch-norm statistics too.
    """
    backbone.eval()
    features, labels, done = [], [], 0
    for inputs, targets in images.epoch(0):
        features.append(backbone(inputs))
        labels.append(targets)
        done += len(targets)
        tell(done)
    # Cloned outside inference mode's tensors, which autograd refuses to train on.
    with torch.inference_mode(False):
        return torch.cat(features).clone(), torch.cat(labels).clone()
