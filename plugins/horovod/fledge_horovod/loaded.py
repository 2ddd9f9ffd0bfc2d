"""`python -m fledge_horovod.loaded`: what the Horovod here was built with, as JSON. Fails where it does not load."""

import json

import horovod.torch as hvd


def main() -> None:
    print(json.dumps({"gloo": hvd.gloo_built(), "mpi": hvd.mpi_built(), "nccl": bool(hvd.nccl_built())}))


if __name__ == "__main__":
    main()
