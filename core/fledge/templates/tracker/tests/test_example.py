"""The tracker example keeps the promises of every tracker."""

from fledge.testing import TrackerContract


class TestExample(TrackerContract, offer="example"):
    pass
