"""Token: what whoever asks must present."""

import re

from fledge.errors import UsageError

# What a header can carry and every client sends alike.
_TOKEN = re.compile(r"[!-~]+")


def checked(token: str) -> str:
    """Raises UsageError for one that not every client could send."""
    if not token.strip():
        raise UsageError("the token is empty", hint="leave --token and FLEDGE_TOKEN out where none is wanted")
    if not _TOKEN.fullmatch(token):
        raise UsageError(
            "the token has other characters than ASCII letters, digits and signs, without spaces",
            hint="not every client can send them; python -c 'import secrets; print(secrets.token_urlsafe())' makes one",
        )
    return token
