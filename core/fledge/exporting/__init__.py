"""From a trained network to a file that answers without PyTorch, and the proof that it does."""
