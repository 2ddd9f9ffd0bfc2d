"""`python -m fledge.worker SPEC [KEY=VALUE ...]`: the process a backend starts, wherever that is."""
