"""Horovod for fledge. `python -m fledge_horovod.build` builds Horovod for the torch that is here."""
