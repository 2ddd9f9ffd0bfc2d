"""From a registered model to what answers for it: the request, made purely, and the folder that is uploaded."""

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.resources import files as resources_of
from pathlib import Path

from fledge import Deployable, UsageError

from fledge_azureml import facts
from fledge_azureml.config import workspace_name
from fledge_azureml.deployment_request import DeploymentRequest
from fledge_azureml.distributions import Sources, code_sha256, dependencies, sources
from fledge_azureml.environment import with_packages
from fledge_azureml.options import AzureMLOptions
from fledge_azureml.request import Environment
from fledge_azureml.wheels import build

PROGRAM = "fledge_azureml_score"
SCRIPT = f"{PROGRAM}/score.py"
# Azure's, which calls the script.
_SERVER = "azureml-inference-server-http"
# What fledge trains and exports with, and what answers does not.
_UNUSED = ("onnx", "onnxscript", "safetensors", "torch")


def plan(model: Deployable, endpoint: str, options: AzureMLOptions, home: Path) -> DeploymentRequest:
    """Raises UsageError for what the service would refuse."""
    told = model.version
    if not facts.ENDPOINT.fits(endpoint):
        raise UsageError(
            f"{endpoint!r} cannot name an endpoint of Azure Machine Learning",
            hint=f"it takes {facts.ENDPOINT.words}, and is the only one of its name in the region: --name NAME",
        )
    if not facts.MODEL.fits(told.name):
        raise UsageError(
            f"{told.name!r} cannot name a model of Azure Machine Learning, where it is to be registered",
            hint=f"it takes {facts.MODEL.words}",
        )
    if not re.fullmatch(r"Standard_\w+", options.instance_type, re.ASCII | re.IGNORECASE):
        raise UsageError(
            f"backend.instance_type = {options.instance_type!r} names no kind of machine",
            hint=f"--set backend.instance_type={facts.DEFAULT_INSTANCE}",
        )
    if instead := facts.instead_of(options.instance_type):
        raise UsageError(
            f"backend.instance_type = {options.instance_type}: Azure has retired these machines",
            hint=f"--set backend.instance_type={instead}",
        )
    found = sources(model.requirements)
    environment = with_packages(options, _packages(model.requirements, found.requirements), facts.SERVING_IMAGE)
    return DeploymentRequest(
        workspace=workspace_name(options, Path.cwd(), home),
        endpoint=endpoint,
        deployment=_name(told.files[model.file], options.instance_type, environment, found),
        model=f"{told.name}/{told.version}",
        file=model.file,
        instance_type=options.instance_type,
        instance_count=options.instance_count,
        environment=environment,
        requirements=found.requirements,
        wheels=found.wheels,
        environment_variables={"FLEDGE_MODEL_FILE": model.file},
        tags={"fledge": version("fledge"), "fledge_model": f"{told.name}/{told.version}", "fledge_run": told.run},
    )


def _name(file: str, instance_type: str, environment: Environment, found: Sources) -> str:
    """Another for whatever answers otherwise or elsewhere: one that answers is not touched by one that may not.

    What is installed in place is told apart by its code, for an edit leaves it its version. Of what is installed from a
    folder otherwise only the version tells: an edit there is not seen until it is installed anew.
    """
    travels = [f"{wheel.name}=={wheel.version} {code_sha256(wheel.name)}" for wheel in found.wheels]
    program = {path.name: path.read_text(encoding="utf-8") for path in _program()}
    told = [file, instance_type, environment.model_dump(mode="json"), found.requirements, travels, program]
    return f"fledge-{hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]}"


def _program() -> list[Path]:
    return sorted(Path(str(resources_of(PROGRAM))).glob("*.py"))


def _packages(lines: tuple[str, ...], of_index: tuple[str, ...]) -> dict[str, str]:
    """What fledge needs to answer, at the versions of this machine, so that a picture is the same there as here."""
    # With what `fledge serve` needs besides.
    needed = dependencies([line.replace("fledge==", "fledge[serve]==") for line in lines])
    wanted = {name: line for name, line in needed.items() if name not in _UNUSED}
    return wanted | {line: line for line in (*of_index, _SERVER)}


@contextmanager
def packed(request: DeploymentRequest) -> Iterator[Path]:
    """It is there as long as the context is: the program, and the wheels that travel."""
    with tempfile.TemporaryDirectory(prefix="fledge-azureml-") as name:
        code = Path(name)
        (code / PROGRAM).mkdir()
        (code / "wheels").mkdir()
        for path in _program():
            shutil.copyfile(path, code / PROGRAM / path.name)
        build(request.wheels, code / "wheels")
        yield code
