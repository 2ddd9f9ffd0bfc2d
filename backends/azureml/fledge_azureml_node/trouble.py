"""What keeps a job from beginning."""

# BSD's EX_TEMPFAIL, which fledge's jobs end with when they are to be tried again.
TRY_AGAIN = 75


class NotReadyError(Exception):
    """status is what the node's process ends with."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status
