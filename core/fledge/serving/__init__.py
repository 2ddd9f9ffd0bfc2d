"""An exported model behind HTTP: what `fledge serve` starts, and deployments too."""
