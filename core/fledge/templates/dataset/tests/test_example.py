"""The data set example keeps the promises of every data set."""

from fledge.testing import DatasetContract


class TestExample(DatasetContract, offer="example"):
    pass
