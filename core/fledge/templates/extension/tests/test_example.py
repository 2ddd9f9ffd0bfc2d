"""The extension example keeps the promises of every extension."""

from fledge.testing import ExtensionContract


class TestExample(ExtensionContract, offer="example"):
    pass
