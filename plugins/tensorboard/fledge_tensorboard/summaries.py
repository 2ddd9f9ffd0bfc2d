"""What is told of a run, as TensorBoard's events."""

from collections.abc import Mapping

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_DOUBLE, DT_STRING

SCALARS, TEXT = "scalars", "text"


def scalars(values: Mapping[str, float], step: int, when: float) -> Event:
    """In 64 bits, as the journal has them: the `simple_value` of old has 32."""
    told = [_value(tag, SCALARS, TensorProto(dtype=DT_DOUBLE, double_val=[value])) for tag, value in values.items()]
    return Event(wall_time=when, step=step, summary=Summary(value=told))


def text(tag: str, content: str, when: float) -> Event:
    """`content` is Markdown."""
    one = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
    tensor = TensorProto(dtype=DT_STRING, tensor_shape=one, string_val=[content.encode()])
    return Event(wall_time=when, summary=Summary(value=[_value(tag, TEXT, tensor)]))


def begun(step: int, when: float) -> Event:
    """A session starts here; where it is not the first, what was told of this step and later ones counts no more."""
    return Event(wall_time=when, step=step, session_log=SessionLog(status=SessionLog.START))


def _value(tag: str, plugin: str, tensor: TensorProto) -> Summary.Value:
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin))
    return Summary.Value(tag=tag, metadata=metadata, tensor=tensor)
