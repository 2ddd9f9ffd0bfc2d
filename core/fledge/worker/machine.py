"""`python -m fledge.worker.machine`: what a worker finds to compute with here, as JSON. For `fledge doctor`."""

import json
from importlib.util import find_spec

import torch

from fledge.training.arithmetic import has_bf16


def main() -> None:
    if find_spec("torchvision"):
        # One that was built for another torch fails right here.
        import torchvision

        vision = torchvision.__version__
    else:
        vision = None
    gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    told = {"torch": torch.__version__, "torchvision": vision, "gpus": gpus, "threads": torch.get_num_threads()}
    print(json.dumps({**told, "bf16": has_bf16(torch.device("cuda" if gpus else "cpu"))}))


if __name__ == "__main__":
    main()
