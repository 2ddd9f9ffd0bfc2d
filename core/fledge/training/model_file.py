"""Model files: weights as safetensors, and beside them a card that says what they are."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from fledge.atomic import write_atomic
from fledge.digest import tensors_sha256
from fledge.errors import DataError

CARD_FORMAT = 1


def weights_of(module: nn.Module) -> dict[str, Tensor]:
    """Copies on the CPU, which training leaves alone. None shares memory with another: the format refuses that."""
    return {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in module.state_dict().items()
    }


def save_model(weights: Mapping[str, Tensor], path: Path, card: Mapping[str, Any]) -> str:
    """Write `path` (.safetensors) and its card (.json beside it), each in one step; returns the weights' digest.

    The card is what is given, and: format, file, file_sha256, weights_sha256.
    """
    digest = tensors_sha256(weights)
    data = save(dict(weights), metadata={"format": "pt", "weights_sha256": digest})
    told = {
        "format": CARD_FORMAT,
        **card,
        "file": path.name,
        "file_sha256": hashlib.sha256(data).hexdigest(),
        "weights_sha256": digest,
    }
    try:
        write_atomic(path, data)
        write_atomic(path.with_suffix(".json"), json.dumps(told, indent=1, default=str))
    except OSError as error:
        raise DataError(
            f"the model ({len(data) / 1e6:.0f} MB) cannot be written to {path}: {error.strerror}",
            hint="make room there, or name another place with FLEDGE_HOME",
        ) from None
    return digest
