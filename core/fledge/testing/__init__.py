"""What proves that a plugin, a backend or a run keeps its promises. Ships with fledge."""
