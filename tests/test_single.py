"""The core's own launcher keeps the promises of every launcher that starts one process."""

from fledge.testing import LauncherContract


class TestSingle(LauncherContract, offer="single"):
    pass
