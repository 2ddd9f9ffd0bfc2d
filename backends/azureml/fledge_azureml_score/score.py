"""The scoring script: `init` and `run`, as Azure's inference server calls them."""

import sys
from pathlib import Path
from typing import Any

# The server knows this file, and not the folder that its package lies in.
sys.path.insert(0, str(Path(__file__).parent.parent))

from azureml.contrib.services.aml_request import rawhttp
from azureml.contrib.services.aml_response import AMLResponse

from fledge_azureml_score.program import Scoring, opened

_scoring: Scoring


def init() -> None:
    global _scoring
    _scoring = opened()


@rawhttp  # type: ignore[untyped-decorator]  # the server's package has no types
def run(request: Any) -> Any:
    # A form that somebody looked into can be read no more.
    status, told = _scoring(request.headers.get("content-type", ""), request.get_data(parse_form_data=False))
    return AMLResponse(told, status, {"Content-Type": "application/json"})
