"""`fledge runs`: what ran, what runs, and what came of it."""
