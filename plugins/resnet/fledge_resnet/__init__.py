"""ResNet-18, 34 and 50 for fledge: networks pretrained on ImageNet, fine-tuned to your classes."""

from fledge import Offer, hookimpl

_SUMMARIES = {
    "resnet18": "11.7 million parameters, 45 MB of weights: the one to start with",
    "resnet34": "21.8 million parameters, 83 MB of weights",
    "resnet50": "25.6 million parameters, 98 MB of weights, about twice resnet18's time",
}


@hookimpl
def fledge_models() -> list[Offer]:
    return [
        Offer(
            name,
            f"fledge_resnet.model:{name.replace('resnet', 'ResNet')}",
            "fledge_resnet.options:ResNetOptions",
            summary,
        )
        for name, summary in _SUMMARIES.items()
    ]
