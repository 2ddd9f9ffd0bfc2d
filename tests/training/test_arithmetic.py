"""Number formats and memory layouts."""

import pytest
import torch
from fledge import SpecError
from fledge.spec.training import TrainingSpec
from fledge.training.arithmetic import Arithmetic

CPU = torch.device("cpu")


def test_an_imitated_number_format_is_refused() -> None:
    with pytest.raises(SpecError, match="has no instructions for it"):
        Arithmetic.of(TrainingSpec(precision="bf16"), torch.device("mps"))
    assert Arithmetic.of(TrainingSpec(), torch.device("mps")).precision == "fp32"
    assert Arithmetic.of(TrainingSpec(precision="fp32"), CPU).precision == "fp32"


@pytest.mark.parametrize("channels_last", [True, False])
def test_pixels_are_normalized_and_laid_out(channels_last: bool) -> None:
    pixels = torch.randint(0, 256, (2, 3, 4, 5), dtype=torch.uint8)
    mean, std = (0.4, 0.5, 0.6), (0.1, 0.2, 0.3)
    made = Arithmetic.of(TrainingSpec(channels_last=channels_last), CPU).pixels(mean, std)(pixels)
    expected = (pixels / 255 - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    torch.testing.assert_close(made, expected)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    assert made.is_contiguous(memory_format=layout)
