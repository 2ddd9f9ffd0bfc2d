"""Models that nobody trained, as files: what each must answer is plain, and nothing has to be trained for it."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

CORNERS = ("top left", "top right", "bottom left", "bottom right")


def colour_model(path: Path, edge: int = 16) -> None:
    """Tells "red" from "blue" by which of the two there is more of."""
    more = np.array([[1, -1], [0, 0], [-1, 1]], np.float32) / np.float32(20)
    nodes = [
        helper.make_node("GlobalAveragePool", ["pixels"], ["means"]),
        helper.make_node("Flatten", ["means"], ["colours"]),
        helper.make_node("MatMul", ["colours", "more"], ["logits"]),
    ]
    _write(path, edge, nodes, {"more": more}, ("red", "blue"))


def corner_model(path: Path) -> None:
    """Tells which corner is the brightest."""
    nodes = [
        helper.make_node("AveragePool", ["pixels"], ["quarters"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Conv", ["quarters", "weights"], ["bright"]),
        helper.make_node("Flatten", ["bright"], ["logits"]),
    ]
    _write(path, 16, nodes, {"weights": np.full((1, 3, 1, 1), 1 / 60, np.float32)}, CORNERS)


def _write(
    path: Path, edge: int, nodes: Sequence[NodeProto], constants: dict[str, NDArray[np.float32]], classes: Sequence[str]
) -> None:
    graph = helper.make_graph(
        [helper.make_node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT), *nodes],
        "handmade",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["batch", 3, edge, edge])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(classes)])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    preparation = {"resize": [edge, edge], "interpolation": "bilinear", "antialias": True, "channel_order": "RGB"}
    helper.set_model_props(model, {"classes": json.dumps(classes), "preprocessing": json.dumps(preparation)})
    onnx.save(model, path)
