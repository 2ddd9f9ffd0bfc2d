"""From a run's journal to its trackers: by a process for each while the run lives, and by hand afterwards."""
