"""Session: an ONNX file in ONNX Runtime."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fledge import DataError
from numpy.typing import NDArray

from fledge_onnx.runtime import onnxruntime

# Those that need nothing but what the file holds, quickest first.
_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")


class Session:
    """Implements `fledge.Predictor`."""

    def __init__(self, path: Path) -> None:
        there = onnxruntime.get_available_providers()
        try:
            self._session = onnxruntime.InferenceSession(path, providers=[name for name in _PROVIDERS if name in there])
        except Exception as error:  # noqa: BLE001 -- ONNX Runtime's errors have no base of their own
            raise DataError(
                f"{path} is no ONNX file that ONNX Runtime {onnxruntime.__version__} reads: {error}"
            ) from None
        inputs = self._session.get_inputs()
        if [(one.type, len(one.shape)) for one in inputs] != [("tensor(uint8)", 4)]:
            found = ", ".join(f"{one.name} ({one.type})" for one in inputs)
            raise DataError(
                f"{path} asks for {found}, not for images uint8 [N, 3, H, W]",
                hint="fledge export writes files that do",
            )
        if isinstance(count := inputs[0].shape[0], int):
            raise DataError(
                f"{path} is asked about {count} images at a time, and no other number",
                hint="fledge export writes files that take any",
            )
        outputs = self._session.get_outputs()
        if [(one.type, len(one.shape)) for one in outputs] != [("tensor(float)", 2)]:
            found = ", ".join(f"{one.name} ({one.type}, {len(one.shape)} axes)" for one in outputs)
            raise DataError(
                f"{path} answers with {found}, not with logits float32 [N, classes]",
                hint="fledge export writes files that do",
            )
        self._input = inputs[0].name

    @property
    def metadata(self) -> Mapping[str, str]:
        found: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        return found

    def __call__(self, pixels: NDArray[Any]) -> NDArray[Any]:
        (logits,) = self._session.run(None, {self._input: pixels})
        found: NDArray[Any] = logits
        return found
