"""Drawn birds keep the promises of every data set."""

from fledge.testing import DatasetContract


class TestDrawnBirds(DatasetContract, offer="drawn-birds", options={"train_per_class": 6, "val_per_class": 4}):
    pass
