"""From a torch module to an ONNX graph."""

import contextlib
import io
import logging
import warnings

import onnx
import torch
from fledge import PluginError
from torch import Tensor, nn

INPUT = "images"
OUTPUT = "logits"


class _Answering(nn.Module):
    """Whatever the number format inside, the answer is float32."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(images).float()
        return logits


def graph_of(network: nn.Module, example: Tensor, opset: int | None) -> onnx.ModelProto:
    """For batches of any size. Raises PluginError where torch.onnx cannot express the network."""
    batch = torch.export.Dim("batch", min=1)
    logging.getLogger("onnxscript").setLevel(logging.ERROR)
    try:
        # It prints its steps, and warns of what is no concern of whoever exports.
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                _Answering(network).eval(),
                (example,),
                input_names=[INPUT],
                output_names=[OUTPUT],
                opset_version=opset,
                dynamic_shapes=({0: batch},),
                dynamo=True,
                verbose=False,
            )
    except torch.onnx.errors.OnnxExporterError as error:
        raise PluginError(
            f"torch.onnx cannot express this network: {error}", hint="another opset may know what it needs: --opset N"
        ) from error
    assert program is not None
    model = program.model_proto
    written = {one.domain: one.version for one in model.opset_import}[""]
    if opset is not None and written != opset:
        raise PluginError(
            f"torch.onnx wrote opset {written} of this network, not {opset}", hint=f"leave it out, or --opset {written}"
        )
    return model
