"""From a spec and what is installed to the exact job and request: pure, and shown by --dry-run."""
