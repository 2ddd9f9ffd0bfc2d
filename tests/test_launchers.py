"""The core's own launchers keep the promises of every launcher."""

from fledge.testing import LauncherContract


class TestSingle(LauncherContract, offer="single"):
    pass


class TestTorchrun(LauncherContract, offer="torchrun"):
    pass
