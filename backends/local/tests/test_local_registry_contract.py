"""The local registry keeps the promises of every registry."""

from fledge.testing import RegistryContract


class TestLocalRegistry(RegistryContract, offer="local"):
    pass
