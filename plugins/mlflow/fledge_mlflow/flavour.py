"""An ONNX file of fledge's as a model that MLflow loads: mlflow.pyfunc.load_model, mlflow.onnx.load_model."""

import json
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

DESCRIPTION, REQUIREMENTS, PYTHON = "MLmodel", "requirements.txt", "python_env.yaml"
# The last two need a processor's type of number less, or more memory: the first that is there is taken.
_FILES = ("model.onnx", "model-fp16.onnx", "model-int8.onnx")


def exported(folder: Path) -> Path | None:
    """The model's ONNX file, where there is one."""
    return next((folder / name for name in _FILES if (folder / name).is_file()), None)


def describe(model: Path, card: Mapping[str, Any], where: Path, **more: str) -> None:
    """Write into `where` what MLflow has to know of the ONNX file `model`, which is to lie beside it.

    Written here and not by mlflow.onnx.save_model, which would read the file and write another: this one is the one
    whose certificate says that it answers as the network does.

    Input is uint8 RGB [batch, 3, H, W], output float32 [batch, classes]; no part of it is ever unpickled.
    """
    import yaml

    told = {
        **more,
        "flavors": {
            "onnx": {"data": model.name, "onnx_version": _version_of("onnx", model), "code": None},
            "python_function": {
                "loader_module": "mlflow.onnx",
                "data": model.name,
                "env": {"virtualenv": PYTHON},
                "python_version": platform.python_version(),
            },
        },
        "metadata": {"classes": list(card["classes"]), "preprocessing": card["transforms"]},
        "mlflow_version": version("mlflow-skinny"),
        "signature": {
            "inputs": json.dumps([_tensor("uint8", [-1, 3, *_size(card["transforms"])])]),
            "outputs": json.dumps([_tensor("float32", [-1, len(card["classes"])])]),
        },
        "utc_time_created": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"),
    }
    needs = [f"{name}=={_version_of(name, model)}" for name in ("onnx", "onnxruntime")]
    (where / DESCRIPTION).write_text(yaml.safe_dump(told, sort_keys=False))
    (where / REQUIREMENTS).write_text("\n".join([f"mlflow=={version('mlflow-skinny')}", *needs, ""]))
    python = {
        "python": platform.python_version(),
        "build_dependencies": ["pip"],
        "dependencies": ["-r requirements.txt"],
    }
    (where / PYTHON).write_text(yaml.safe_dump(python, sort_keys=False))


def _tensor(kind: str, shape: list[int]) -> dict[str, Any]:
    return {"type": "tensor", "tensor-spec": {"dtype": kind, "shape": shape}}


def _size(transforms: Mapping[str, Any]) -> list[int]:
    """Height and width, -1 where they may be any."""
    resize, crop = transforms.get("resize"), transforms.get("crop")
    match crop or resize:
        case int(edge):
            return [edge, edge]
        case [int(height), int(width)]:
            return [height, width]
    return [-1, -1]


def _version_of(name: str, model: Path) -> str:
    """The version that the file was proved with, told by the certificate beside it."""
    try:
        return str(json.loads(model.with_name(f"{model.name}.parity.json").read_text())["versions"][name])
    except (OSError, ValueError, KeyError):
        return version(name)
