"""TensorBoard's event files keep the promises of every tracker."""

from fledge.testing import TrackerContract


class TestTensorBoard(TrackerContract, offer="tensorboard"):
    pass
