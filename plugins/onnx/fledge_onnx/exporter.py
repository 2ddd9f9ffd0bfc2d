"""Onnx: writes ONNX files by torch's own exporter, and opens them in ONNX Runtime."""

import copy
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fledge import Exporter, Predictor
from numpy.typing import NDArray

# With it ONNX Runtime, here and not in `open`, which a thread may call beside others.
from fledge_onnx.session import Session

if TYPE_CHECKING:
    from torch import Tensor, nn

    from fledge_onnx.options import OnnxOptions


class Onnx(Exporter):
    """One file a model: input `images`, uint8 RGB [batch, 3, H, W]; output `logits`, float32 [batch, classes]."""

    options: "OnnxOptions"

    @property
    def precision(self) -> str:
        return self.options.precision

    def versions(self) -> Mapping[str, str]:
        return {name: version(name) for name in ("onnx", "onnxruntime", "onnxscript")}

    def write(
        self,
        network: "nn.Module",
        example: "Tensor",
        calibration: Callable[[], Iterator[NDArray[Any]]],
        metadata: Mapping[str, str],
        path: Path,
    ) -> None:
        # All of them need torch or onnx, and whoever opens a file neither.
        import onnx

        from fledge_onnx.graph import graph_of
        from fledge_onnx.quantization import quantized

        half = self.precision == "fp16"
        model = graph_of(copy.deepcopy(network).half() if half else network, example, self.options.opset)
        if self.precision == "int8":
            model = quantized(model, calibration)
        onnx.helper.set_model_props(model, dict(metadata))
        # In one piece: beyond 2 GB, which protobuf holds no more of, this raises.
        path.write_bytes(model.SerializeToString())

    @classmethod
    def open(cls, path: Path) -> Predictor:
        return Session(path)
