"""The local backend keeps the promises of every backend, on a good day and on bad ones."""

from fledge.testing import BackendContract


class TestLocal(BackendContract, offer="local", options={"slots": 4}):
    pass


class TestLocalOnABadDay(BackendContract, offer="local", options={"slots": 4}, chaos=0):
    pass


class TestLocalOnAnother(BackendContract, offer="local", options={"slots": 4}, chaos=1):
    pass
