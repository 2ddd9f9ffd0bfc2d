"""Sweeps: many runs of one spec, each with other values of a few keys, in search of the best."""
