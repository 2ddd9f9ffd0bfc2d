"""The registry example keeps the promises of every registry."""

from fledge.testing import RegistryContract


class TestExample(RegistryContract, offer="example"):
    pass
