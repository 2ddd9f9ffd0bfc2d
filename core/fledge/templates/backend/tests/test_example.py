"""The backend example keeps the promises of every backend, on a good day and on a bad one."""

from fledge.testing import BackendContract


class TestExample(BackendContract, offer="example"):
    pass


class TestExampleOnABadDay(BackendContract, offer="example", chaos=0):
    pass
