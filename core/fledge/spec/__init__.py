"""What a person asks for: the run spec, its sections, and how it is read."""
