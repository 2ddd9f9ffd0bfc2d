"""Files that are no exported models, or are not what they say of themselves: refused before any picture is read."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

if TYPE_CHECKING:
    from tests.conftest import Fledge

HOW = {"resize": [16, 16], "interpolation": "bilinear", "antialias": True, "channel_order": "RGB"}
TOLD = {"classes": ["a", "b"], "preprocessing": HOW}


def model(
    told: dict[str, Any],
    shape: Sequence[int | str] = ("n", 3, 16, 16),
    number: int = TensorProto.UINT8,
    answer: int = TensorProto.FLOAT,
    classes: int = 2,
    flat: bool = True,
) -> onnx.ModelProto:
    """The means of the first colours of each image, as if they were logits."""
    nodes = [
        helper.make_node("Cast", ["images"], ["numbers"], to=answer),
        helper.make_node("ReduceMean", ["numbers", "axes"], ["means"], keepdims=int(not flat)),
        helper.make_node("Slice", ["means", "zero", "classes", "one"], ["logits"]),
    ]
    tensors = {"axes": [2, 3], "zero": [0], "one": [1], "classes": [classes]}
    constants = [helper.make_tensor(name, TensorProto.INT64, [len(one)], one) for name, one in tensors.items()]
    given = helper.make_tensor_value_info("images", number, shape)
    found = helper.make_tensor_value_info("logits", answer, ["n", classes] if flat else ["n", classes, 1, 1])
    graph = helper.make_graph(nodes, "means", [given], [found], constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    helper.set_model_props(made, {key: json.dumps(value) for key, value in told.items()})
    return made


def refused(fledge: "Fledge", made: onnx.ModelProto) -> str:
    onnx.save(made, fledge.folder / "m.onnx")
    Image.new("RGB", (20, 20)).save(fledge.folder / "p.png")
    told = fledge("predict", "m.onnx", "p.png", "p.png", status=1).err
    assert told.startswith("error: m.onnx")
    assert "fledge export writes files that" in told
    # Of two, because a server asks about two before it takes any.
    assert told == fledge("serve", "m.onnx", "--port", "0", status=1).err
    return told


def test_one_that_is_as_it_says(fledge: "Fledge") -> None:
    onnx.save(model(TOLD), fledge.folder / "m.onnx")
    Image.new("RGB", (20, 20), (10, 0, 0)).save(fledge.folder / "p.png")
    assert fledge("predict", "m.onnx", "p.png", "--json").last["label"] == "a"


@pytest.mark.parametrize(
    "told",
    [{}, {"classes": ["a", "b"]}, TOLD | {"classes": "ab"}, TOLD | {"classes": [1, 2]}, TOLD | {"preprocessing": [1]}],
    ids=["nothing", "no preparation", "a word for classes", "numbers for classes", "a list for preparation"],
)
def test_one_that_does_not_say_how_it_is_asked(fledge: "Fledge", told: dict[str, Any]) -> None:
    assert "does not tell its classes and how it wants its images" in refused(fledge, model(told))


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (model(TOLD | {"preprocessing": {"resize": 7}}), "nobody but the model itself can prepare an image for it"),
        (model(TOLD, classes=3), "tells of 2 classes, and answers 2 images with numbers of shape [2, 3], not [2, 2]"),
        (model(TOLD, flat=False), "answers with logits (tensor(float), 4 axes), not with logits float32 [N, classes]"),
        (model(TOLD, answer=TensorProto.DOUBLE), "answers with logits (tensor(double), 2 axes)"),
        (model(TOLD, number=TensorProto.FLOAT), "asks for images (tensor(float)), not for images uint8 [N, 3, H, W]"),
        (model(TOLD, ("n", 3, 32, 32)), "says that it wants its images 16 x 16, and cannot be asked about 2 of them"),
        (model(TOLD, (1, 3, 16, 16)), "is asked about 1 images at a time, and no other number"),
    ],
    ids=["preparation", "classes", "axes", "answer", "input", "size", "one at a time"],
)
def test_one_that_is_not_what_it_says(fledge: "Fledge", made: onnx.ModelProto, why: str) -> None:
    assert why in refused(fledge, made)
