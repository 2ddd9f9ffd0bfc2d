"""ONNX for fledge: trained models as files that answer without PyTorch."""

from fledge import Offer, hookimpl


@hookimpl
def fledge_extensions() -> list[Offer]:
    return [
        Offer(
            "onnx",
            "fledge_onnx.exporter:Onnx",
            "fledge_onnx.options:OnnxOptions",
            "exports what was trained to one ONNX file, with a proof that it answers as the model does",
        )
    ]
