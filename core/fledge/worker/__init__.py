"""`python -m fledge.worker SPEC`: the process a backend starts, the same on a laptop and on a cluster."""
