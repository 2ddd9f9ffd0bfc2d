"""AbsentError: what a source says that has nothing to give."""

from fledge import DataError


class AbsentError(DataError):
    """Not there, or not reachable: no cause for alarm, unlike weights that are there and are wrong."""
