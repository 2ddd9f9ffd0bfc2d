"""Workers that begin warm: `client` stands where a backend has started one, and `nursery` forks the one that works."""
