"""Form: multipart/form-data, read as it arrives."""

import io

from fastapi import HTTPException
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from fledge.serving.limits import Limits

Picture = tuple[str, io.BytesIO]


class Form:
    """Its files go to `pictures`, each byte copied once; other fields are passed over.

    Constructed with the request's Content-Type. Everything raises HTTPException: 413 for too many files, 422 for what
    is no form.
    """

    def __init__(self, kind: str, limits: Limits) -> None:
        self.pictures: list[Picture] = []
        self._limits = limits
        self._field, self._disposition = b"", b""
        self._value = bytearray()
        self._file: Picture | None = None
        self._whole = False
        boundary = parse_options_header(kind)[1].get(b"boundary")
        if not boundary:
            raise _unreadable("its Content-Type names no boundary")
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._header_field,
                    "on_header_value": self._header_value,
                    "on_header_end": self._header_end,
                    "on_headers_finished": self._headers_finished,
                    "on_part_data": self._data,
                    "on_part_end": self._part_end,
                    "on_end": self._end,
                },
            )
        except FormParserError as error:
            raise _unreadable(str(error)) from None

    def write(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise _unreadable(str(error)) from None

    def finish(self) -> list[Picture]:
        if not self._whole:
            raise _unreadable("it ends before it is whole")
        return self.pictures

    def _begin(self) -> None:
        self._field, self._disposition, self._file = b"", b"", None

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._field.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._field = b""
        self._value.clear()

    def _headers_finished(self) -> None:
        told = parse_options_header(self._disposition)[1].get(b"filename")
        if told is None:
            return
        if len(self.pictures) == self._limits.pictures:
            raise HTTPException(413, f"more than {self._limits.pictures} pictures at once")
        name = told.decode("utf-8", "replace") or f"picture {len(self.pictures) + 1}"
        self._file = name, io.BytesIO()

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file[1].write(memoryview(data)[start:end])

    def _part_end(self) -> None:
        if self._file is not None:
            self.pictures.append(self._file)

    def _end(self) -> None:
        self._whole = True


def _unreadable(why: str) -> HTTPException:
    return HTTPException(422, f"the form cannot be read: {why}")
