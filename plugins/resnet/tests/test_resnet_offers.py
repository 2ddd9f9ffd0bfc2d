"""The plugin's front door: what it offers, and that asking costs nothing."""

import subprocess
import sys
from pathlib import Path

import fledge_resnet
import pytest
from fledge import Offer
from fledge_resnet.options import ResNetOptions
from pydantic import ValidationError

OFFERS = fledge_resnet.fledge_models()


def test_the_three_networks_are_offered() -> None:
    assert [offer.name for offer in OFFERS] == ["resnet18", "resnet34", "resnet50"]


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: offer.name)
def test_an_offers_target_is_the_network_of_its_name(offer: Offer) -> None:
    from importlib import import_module

    module, _, name = offer.target.partition(":")
    assert getattr(import_module(module), name).architecture == offer.name


def test_offers_and_options_are_read_without_torch() -> None:
    program = (
        "import sys, fledge_resnet, fledge_resnet.options\n"
        "fledge_resnet.fledge_models(); fledge_resnet.options.ResNetOptions.model_json_schema()\n"
        "print([name for name in ('torch', 'torchvision', 'numpy', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_weights_are_a_word_or_a_path() -> None:
    assert ResNetOptions().weights == "imagenet"
    assert ResNetOptions(weights="none").weights == "none"
    assert ResNetOptions.model_validate({"weights": "mine/w.pth"}).weights == Path("mine/w.pth")


@pytest.mark.parametrize("told", [{"image_size": 31}, {"image_size": 1025}, {"weigths": "none"}])
def test_other_options_are_refused(told: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ResNetOptions.model_validate(told)
