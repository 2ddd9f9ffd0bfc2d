"""From samples to a trained model: the only part of the core, with the worker, that imports torch."""
