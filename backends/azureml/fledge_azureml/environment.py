"""The environment that a job runs in: one that the workspace knows, or an image with Python and packages on it."""

import re

from fledge import UsageError
from packaging.requirements import Requirement

from fledge_azureml.distributions import bounds, dependencies, pinned
from fledge_azureml.facts import ENVIRONMENT, IMAGE
from fledge_azureml.lines import PYTHON, check_conda, pip_name
from fledge_azureml.options import AzureMLOptions
from fledge_azureml.request import Environment

# A script's models and pictures, which fledge itself can do without.
_BESIDES = ("torchvision",)
# Of a known environment: another build of these would be of another CUDA.
_BROUGHT = ("torch", "torchvision")


def environment(options: AzureMLOptions, requirements: tuple[str, ...]) -> Environment:
    """What `requirements` need is in it, at the versions of this machine; they themselves travel.

    Raises UsageError for names and lines that cannot be.
    """
    packages = {name: pinned(Requirement(name)) for name in _BESIDES} | dependencies(requirements)
    return with_packages(options, packages, IMAGE)


def lacking(options: AzureMLOptions, requirements: tuple[str, ...]) -> tuple[str, ...]:
    """What a node is to install where it is not there: of an environment that the workspace knows, all that
    `requirements` need, but for torch and what is built for it, which such a one brings."""
    if options.environment is None:
        return ()
    needed = bounds(requirements)
    return tuple(line for name in sorted(needed) if name not in _BROUGHT for line in needed[name])


def with_packages(options: AzureMLOptions, packages: dict[str, str], image: str) -> Environment:
    """`packages`: requirement lines by name. `image`: where none was asked for.

    Raises UsageError for names and lines that cannot be.
    """
    if options.environment is not None:
        if not ENVIRONMENT.fits(options.environment):
            raise UsageError(
                f"backend.environment = {options.environment!r} names no environment", hint=f"it is {ENVIRONMENT.words}"
            )
        return Environment(name=options.environment)
    if options.image is not None and not re.fullmatch(r"\S+", options.image):
        raise UsageError(f"backend.image = {options.image!r} names no Docker image", hint=f"for example: {image}")
    for line in options.conda:
        check_conda(line)
    # What a person asks for takes the place of what would have been taken.
    packages = packages | {pip_name(line): line for line in options.pip}
    return Environment(
        image=options.image or image,
        conda={
            "channels": ["conda-forge"],
            "dependencies": [
                f"python={PYTHON}",
                "pip",
                *options.conda,
                {"pip": [packages[name] for name in sorted(packages)]},
            ],
        },
    )
