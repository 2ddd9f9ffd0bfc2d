"""Launchers that need nothing but the core."""
