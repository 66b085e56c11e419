"""The rows of a dump's XML files: a stream that survives broken lines and truncated ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

Row = dict[str, str]


def rows(
    path: Path, *, broken: Callable[[str], None], read: Callable[[int], None] = lambda _: None
) -> Iterator[Row]:
    """The attributes of each ``<row>`` in ``path``, in the order of the file; memory does not grow with it.

    ``broken`` is told of what could not be parsed; reading goes on at the next line, which in these dumps is
    the next row. ``read`` is told the bytes read so far.
    """
    lines = 0
    root_tag = ""
    while True:
        with path.open("rb") as file:
            for _ in range(lines):
                file.readline()
            if lines and not file.peek(1):
                return
            # What is left needs a beginning again; it stands on the same line, so that lines stay countable.
            feed = _Feed(file, f"<{root_tag}>".encode() if lines else b"", read)
            root = None
            try:
                for event, element in iterparse(feed, events=("start", "end")):
                    if root is None:
                        root, root_tag = element, element.tag
                    elif event == "end":
                        if element.tag == "row":
                            yield dict(element.attrib)
                        root.clear()
                return
            except DefusedXmlException as error:
                broken(f"refused, because it could harm: {type(error).__name__}")
                return
            except ParseError as error:
                line, column = error.position
                broken(f"line {lines + line}, column {column}: {str(error).split(':')[0]}")
                if not root_tag:
                    return
                lines += line


class _Feed:
    """A file that counts what is read of it, with something put before it."""

    def __init__(self, file: BinaryIO, before: bytes, read: Callable[[int], None]) -> None:
        self._file, self._before, self._report = file, before, read

    def read(self, size: int = -1) -> bytes:
        before, self._before = self._before, b""
        chunk = self._file.read(size)
        self._report(self._file.tell())
        return before + chunk
