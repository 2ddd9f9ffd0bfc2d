"""Runs on disk: their folders, journals and states."""
