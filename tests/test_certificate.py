"""What a certificate finds fault with, to the last image; and which images it is made with."""

from typing import Any

import pytest
from fledge.certificate import MAX_ABS_FP32, Certificate
from fledge.exporting import comparison


def made(precision: str = "fp32", images: int = 100, **told: Any) -> Certificate:
    """Of an export that is as good as can be, but for what is told."""
    whole: dict[str, Any] = {
        "file": "model.onnx", "file_sha256": "", "size": 1, "weights_sha256": "", "run": "", "dataset": {},
        "precision": precision, "images": images, "total": images, "seed": None, "top1_agreement": 1.0, "max_abs": 0.0,
        "max_rel": 0.0, "worst": (), "accuracy": {"pytorch": 0.96, "exported": 0.96},
        "seconds": {"pytorch": 1.0, "exported": 1.0}, "versions": {}, "created": "",
    }  # fmt: skip
    return Certificate(**whole | told)


def dropped(images: int, before: int, after: int) -> Certificate:
    return made("int8", images, accuracy={"pytorch": before / images, "exported": after / images})


def test_a_drop_of_a_point_is_no_fault_and_one_image_more_is() -> None:
    for images in (100, 200, 1000, 5000):
        point = images // 100
        for before in range(point + 1, images + 1):
            assert dropped(images, before, before - point).faults() == [], f"{point} of {images} fewer than {before}"
            assert "its accuracy is" in dropped(images, before, before - point - 1).faults()[0]


@pytest.mark.parametrize(
    ("certificate", "says"),
    [
        (made(), None),
        (made(max_abs=MAX_ABS_FP32), None),
        (made(max_abs=MAX_ABS_FP32 * 1.01), "its logits differ by up to 0.001"),
        (made(max_abs=float("nan")), "its logits differ by up to nan"),
        (made(top1_agreement=0.99), "it agrees with the network on 99.00% of 100 images, not all"),
        (made("fp16", max_abs=1.0, top1_agreement=0.9), None),
        (made(accuracy={"pytorch": 0.96, "exported": 0.98}), None),
        (made("int8", accuracy={"pytorch": 0.96, "exported": float("nan")}), "its accuracy is nan% lower"),
        (dropped(100, 96, 94), "its accuracy is 2.0% lower, more than 1%"),
    ],
)
def test_what_nobody_should_rely_on(certificate: Certificate, says: str | None) -> None:
    faults = certificate.faults()
    assert bool(faults) == bool(says)
    if says:
        assert faults[0].startswith(says)
        assert faults[-1].startswith("worst: ")


def test_of_many_images_a_drawn_part_is_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    samples: Any = range(50)
    assert comparison.drawn(samples, 0) is samples
    monkeypatch.setattr(comparison, "LIMIT", 10)
    drawn: Any = comparison.drawn(samples, 0)
    assert len(set(drawn)) == 10
    assert all(drawn[at] < drawn[at + 1] for at in range(9))
    assert drawn == comparison.drawn(samples, 0)
    assert drawn != comparison.drawn(samples, 1)
    assert drawn[-1] >= 10
