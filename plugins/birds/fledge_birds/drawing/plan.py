"""Which pictures a set consists of."""

from collections.abc import Mapping
from dataclasses import dataclass

from fledge_birds.drawing.picture import SPECIES

Counts = Mapping[str, int]


@dataclass(frozen=True)
class Planned:
    split: str
    species: str
    index: int

    @property
    def path(self) -> str:
        """Below the set's folder; sorts by index."""
        return f"{self.split}/{self.species}/{self.species}_{self.index:05d}.jpg"


def planned(counts: Counts) -> list[Planned]:
    """Every picture of a set with `counts[split]` pictures of each species."""
    return [Planned(split, species, index) for split, n in counts.items() for species in SPECIES for index in range(n)]
