"""ONNX Runtime, imported here first, and so told before all else to tell nobody of this machine's models."""

import os

# It looks once, while it is imported, and would keep a number for the machine; who has set it has decided already.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime as onnxruntime
