"""FeatureBatches: what a frozen backbone makes of every image, computed once."""

from collections.abc import Iterator

from torch import Tensor

from fledge.interfaces.launcher import ALONE, Place
from fledge.training.batches import Batch, Batches


class FeatureBatches(Batches):
    """float32 features [B, F] out of `features` [N, V, F]: of V views of each image, an epoch sees one, in turn."""

    def __init__(
        self,
        features: Tensor,
        labels: Tensor,
        *,
        batch_size: int,
        seed: int,
        shuffled: bool,
        place: Place = ALONE,
    ) -> None:
        super().__init__(len(labels), batch_size, seed, shuffled=shuffled, place=place)
        self.features = features
        self.labels = labels

    def _load(self, epoch: int, start: int) -> Iterator[Batch]:
        features = self.features[:, epoch % self.features.shape[1]]
        for indices in self.asked(epoch)[start:]:
            at = indices.to(self.labels.device)
            # A quarter of the time that indexing takes, of which a small step would be a tenth.
            yield features.index_select(0, at), self.labels.index_select(0, at)
