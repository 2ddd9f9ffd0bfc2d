"""ONNX for fledge: trained models as files that answer without PyTorch."""

import os

from fledge import Offer, hookimpl

# Or ONNX Runtime tells its maker of this machine and of each model, and keeps a number for the machine in the cache. It
# looks once, before anything else; who has set it already has decided.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


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
