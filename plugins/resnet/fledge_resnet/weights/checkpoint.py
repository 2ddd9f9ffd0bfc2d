"""Reading a checkpoint file without running anything that is in it."""

import pickle
from pathlib import Path

import torch
from fledge import DataError
from safetensors.torch import load_file

_RESAVE = "save the tensors alone, torch.save(model.state_dict(), 'weights.pth'), and pass that file"


def read_checkpoint(path: Path) -> object:
    """What a .safetensors file, or (any other suffix) one written by torch.save, holds, on the CPU.

    Raises DataError where the file is missing, is no checkpoint, or holds pickled code.
    """
    if not path.is_file():
        raise DataError(f"there is no weights file {path}", hint="give the path of a .pth, .pt or .safetensors file")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except pickle.UnpicklingError as error:
        raise DataError(
            f"{path} is no plain checkpoint: it is not torch's, or holds pickled objects other than tensors, "
            "which fledge never runs",
            hint=_RESAVE,
        ) from error
    except Exception as error:
        # Damaged bytes fail anywhere in either reader, with whatever that place raises.
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path} is damaged or no checkpoint: {first}", hint=_RESAVE) from error
