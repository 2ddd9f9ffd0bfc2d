"""Who SDK v1 is told that it is."""

import os
from typing import Any

from fledge_azureml.refusal import not_logged_in
from fledge_azureml.runs import Token, lasts
from fledge_azureml.v1_errors import words
from fledge_azureml.v1_sdk import AzureError, TokenAuthentication


def authentication(credential: Any) -> Any:
    tokens: dict[str, Token] = {}

    # No method: the SDK copies what it authenticates with, and a credential cannot be copied.
    def token(audience: str) -> str:
        known = tokens.get(audience)
        # It is asked for before every request, and some credentials start a process for each.
        if known is None or not lasts(known):
            known = tokens[audience] = token_of(credential, f"{audience}/.default")
        return known.token

    return TokenAuthentication(token, cloud=os.environ.get("AZUREML_CURRENT_CLOUD", "AzureCloud"))


def token_of(credential: Any, scope: str) -> Token:
    try:
        given: Token = credential.get_token(scope)
    except AzureError as error:
        raise not_logged_in(words(error)) from None
    return given
