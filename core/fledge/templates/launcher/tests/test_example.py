"""The launcher example keeps the promises of every launcher."""

from fledge.testing import LauncherContract


class TestExample(LauncherContract, offer="example"):
    pass
