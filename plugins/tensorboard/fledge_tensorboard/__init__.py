"""TensorBoard for fledge: a run's metrics where TensorBoard looks for them."""

from fledge import Offer, hookimpl


@hookimpl
def fledge_trackers() -> list[Offer]:
    return [
        Offer(
            "tensorboard",
            "fledge_tensorboard.tracker:TensorBoard",
            "fledge_tensorboard.options:TensorBoardOptions",
            "event files for TensorBoard, a folder a run",
        )
    ]
