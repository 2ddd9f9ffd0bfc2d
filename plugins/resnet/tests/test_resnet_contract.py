"""The ResNets keep the promises of every model."""

from fledge.testing import ModelContract


class TestResNet18(ModelContract, offer="resnet18", options={"weights": "none"}):
    pass


class TestResNet50(ModelContract, offer="resnet50", options={"weights": "none", "image_size": 64}):
    pass
