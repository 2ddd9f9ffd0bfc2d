"""Static quantization to int8, by ONNX Runtime's own tools."""

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from fledge_onnx.graph import INPUT

# Where a network's own arithmetic begins: what stands before is the normalization, which int8 would coarsen.
_LAYERS = {"Conv", "Gemm", "MatMul"}


class _Calibration(CalibrationDataReader):  # type: ignore[misc]
    """Hands out batches of training images."""

    def __init__(self, batches: Iterator[NDArray[Any]]) -> None:
        self._batches = batches

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        pixels = next(self._batches, None)
        return None if pixels is None else {INPUT: pixels}


def quantized(model: onnx.ModelProto, calibration: Callable[[], Iterator[NDArray[Any]]]) -> onnx.ModelProto:
    """Weights int8 by channel; activations uint8, of the range that they have on the calibration's images."""
    with _quiet_tools(), tempfile.TemporaryDirectory() as folder:
        plain, prepared, done = (Path(folder, name) for name in ("plain.onnx", "prepared.onnx", "done.onnx"))
        onnx.save(model, plain)
        quant_pre_process(plain, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            done,
            _Calibration(calibration()),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            # Processors without VNNI instructions add two products in 16 bits, which eight bits each overflow.
            reduce_range=True,
            nodes_to_exclude=_before_the_first_layer(onnx.load(prepared)),
        )
        return onnx.load(done)


@contextmanager
def _quiet_tools() -> Iterator[None]:
    """Within, they do not warn through the root logger, which is everybody's."""
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(before)


def _before_the_first_layer(model: onnx.ModelProto) -> list[str]:
    reached, names = {INPUT}, []
    for node in model.graph.node:
        if reached.intersection(node.input) and node.op_type not in _LAYERS:
            reached.update(node.output)
            names.append(node.name)
    return names
