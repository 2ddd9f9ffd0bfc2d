"""ONNX files keep the promises of every exported file."""

from fledge.testing import ExporterContract


class TestFp32(ExporterContract, offer="onnx"):
    pass


class TestFp16(ExporterContract, offer="onnx", options={"precision": "fp16"}):
    pass


class TestInt8(ExporterContract, offer="onnx", options={"precision": "int8"}):
    pass
