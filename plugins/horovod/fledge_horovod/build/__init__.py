"""Building Horovod for the torch that is here, keeping the wheel, installing it: `python -m fledge_horovod.build`."""
