"""Plain text of any size: files of UTF-8, packed or not, read in blocks that end between two words.

`text:PATH` is a file, a folder (its .txt, .gz and .xz files, in the order of their names) or a pattern such as
`text:news-*.txt.gz`. Named sets are `topics`, the English text of Python's own documentation, which is always there,
and `wiki`, a part of Wikipedia, looked for where the other sets are.
"""

from __future__ import annotations

import glob
import gzip
import hashlib
import io
import lzma
import os
import zlib
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from epochal.core.fault import InputFault, nearest, printable
from epochal.core.report import counted
from epochal.data.source import KnownSet, places

ENDINGS = (".txt", ".gz", ".xz")
# What is in memory at a time: the words of a block take some ten times as much.
BLOCK_BYTES = 1 << 20
_PACKED = 1 << 16


@dataclass(frozen=True)
class TextFile:
    """One file of text, perhaps packed.

    Attributes:
        where: what it is called in messages.
        open_bytes: opens it as it lies on the disk.
    """

    where: str
    open_bytes: Callable[[], io.BufferedIOBase]


@dataclass(frozen=True)
class TextData:
    """A text, as one or several files that follow one another.

    Attributes:
        name: the specification it was opened by, such as `text:/news.txt`.
        files: its files, in order.
        digest: SHA-256 of the files as they lie on the disk.
        note: what a person should know.
    """

    name: str
    files: tuple[TextFile, ...]
    digest: str
    note: str = ""

    def blocks(self, most: int = BLOCK_BYTES) -> Iterator[bytes]:
        """The text in blocks of at most about `most` bytes, each a whole number of words.

        Raises:
            InputFault: a file is damaged, is no UTF-8, or has no white space where words should end.
        """
        for file in self.files:
            yield from _blocks(file, most)


def _blocks(file: TextFile, most: int) -> Iterator[bytes]:
    place, rest = 0, b""
    try:
        with file.open_bytes() as stored, _unpacked(stored) as opened:
            while read := opened.read(most):
                content = rest + read
                # What some editors put before the first letter is no letter.
                if not place and content.startswith(BOM_UTF8):
                    content, place = content[len(BOM_UTF8) :], len(BOM_UTF8)
                end = max(content.rfind(space) for space in (b" ", b"\n", b"\t", b"\r")) + 1
                if not end and len(content) >= 2 * most:
                    raise InputFault(
                        f"{printable(file.where)} has no white space in {len(content):,} bytes from byte {place:,} on",
                        expected="words with spaces between them",
                    )
                block, rest = content[:end], content[end:]
                if block:
                    _check_utf8(file, block, place)
                    yield block
                place += end
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:  # gzip.BadGzipFile is an OSError
        raise InputFault(
            f"{printable(file.where)} cannot be read: {printable(str(error))}",
            expected="plain text, or text packed by gzip or xz, complete",
            remedy="unpack it by hand to see where it is damaged",
        ) from None
    if rest:
        _check_utf8(file, rest, place)
        yield rest
    # Words of two files are not one.
    yield b"\n"


def _unpacked(stored: io.BufferedIOBase) -> io.BufferedIOBase:
    """The text itself: unpacked while it is read, if its first bytes say that it is packed."""
    head = stored.read(6)
    stored.seek(0)
    if head[:2] == b"\x1f\x8b":
        return gzip.GzipFile(fileobj=stored)
    return _Unxz(stored) if head == b"\xfd7zXZ\0" else stored


class _Unxz(io.BufferedIOBase):
    """Unpacks xz, all its streams. Python's own reader takes whatever follows the first one for its end."""

    def __init__(self, stored: io.BufferedIOBase) -> None:
        self._stored, self._stream = stored, lzma.LZMADecompressor(lzma.FORMAT_XZ)

    def read(self, size: int | None = -1, /) -> bytes:
        """So many bytes at most; none at the end.

        Raises:
            EOFError: the file is cut short.
        """
        most = -1 if size is None else size
        while True:
            packed = b""
            if self._stream.eof:
                # Between streams there may be zeros.
                packed = self._stream.unused_data.lstrip(b"\0")
                while not packed and (more := self._stored.read(_PACKED)):
                    packed = more.lstrip(b"\0")
                if not packed:
                    return b""
                self._stream = lzma.LZMADecompressor(lzma.FORMAT_XZ)
            elif self._stream.needs_input and not (packed := self._stored.read(_PACKED)):
                raise EOFError("it ends within what is packed")
            if content := self._stream.decompress(packed, most):
                return content


def _check_utf8(file: TextFile, block: bytes, place: int) -> None:
    try:
        block.decode("utf-8")
    except UnicodeDecodeError as error:
        line = block.count(b"\n", 0, error.start) + 1
        raise InputFault(
            f"{printable(file.where)} is no UTF-8: byte {place + error.start:,} is 0x{block[error.start]:02x}"
            + (f" (line {line:,})" if place == 0 else ""),
            expected="text in UTF-8",
            remedy=f"convert it, for example: iconv -f {_likely(block) if place == 0 else 'latin1'} -t utf-8 FILE",
        ) from None


def _likely(head: bytes) -> str:
    """What a text that is no UTF-8 is probably written in: UTF-16 tells itself by its first bytes."""
    return "utf-16" if head[:2] in (BOM_UTF16_LE, BOM_UTF16_BE) else "latin1"


def open_text(spec: str, *, offline: bool = False) -> TextData:
    """The text that a specification names.

    Args:
        spec: `topics`, `wiki`, or `text:PATH` with a file, a folder or a pattern.
        offline: nothing is ever downloaded here; taken so that all kinds of data are opened alike.

    Raises:
        InputFault: the specification is unknown, or what it names is absent, empty or cannot be read.
    """
    kind, colon, path = spec.partition(":")
    if colon and kind == "text":
        return of_files(spec, _found(os.path.expanduser(path), spec))
    if spec == "topics":
        return _topics()
    if spec == "wiki":
        return of_files(spec, _wiki())
    remedy = "for pictures, train another landmark"
    if not colon and os.path.exists(spec):
        remedy = f"for a file or a folder: text:{printable(spec)}"
    raise InputFault(
        f"no text is called {printable(spec)!r}", expected=nearest(spec, ["topics", "wiki", "text:PATH"]), remedy=remedy
    )


def of_files(name: str, paths: list[Path], note: str = "") -> TextData:
    """A text of these files.

    Raises:
        InputFault: one of them cannot be read, or all are empty.
    """
    state, size = hashlib.sha256(), 0
    for path in paths:
        try:
            with open(path, "rb") as file:
                size += os.fstat(file.fileno()).st_size
                state.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise InputFault(f"{printable(str(path))} cannot be read: {error.strerror}", expected="a file") from None
    if not size:
        raise InputFault(f"{printable(name)} holds no text: its files are empty", expected="some words")
    files = tuple(TextFile(str(path), partial(_opened, path)) for path in paths)
    return TextData(name, files, state.hexdigest(), note or f"{counted(len(paths), 'file')}, {size:,} bytes")


def _opened(path: Path) -> io.BufferedIOBase:
    return open(path, "rb")


def _found(path: str, spec: str) -> list[Path]:
    """The files at a path: itself, those in a folder, or those that a pattern matches."""
    if not path:
        raise InputFault(f"{printable(spec)} names no path", expected="text:PATH")
    if os.path.isdir(path):
        inside = sorted(p for p in Path(path).iterdir() if p.suffix.lower() in ENDINGS and p.is_file())
        if not inside:
            raise InputFault(
                f"the folder {printable(path)} holds no text", expected=f"files ending in {' '.join(ENDINGS)}"
            )
        return inside
    if os.path.isfile(path):
        return [Path(path)]
    matches = [Path(match) for match in sorted(glob.glob(path)) if os.path.isfile(match)]
    if not matches:
        raise InputFault(
            f"nothing is at {printable(path)}", expected="a file, a folder or a pattern that matches files"
        )
    return matches


def _wiki() -> list[Path]:
    for folder in places("wiki"):
        if found := sorted(folder.glob("*.txt")):
            return found
    raise InputFault(
        "the text wiki is not on this machine",
        expected=f"text files in {' or '.join(printable(str(place)) for place in places('wiki'))}",
        remedy="put a text there, or name your own with text:PATH; `topics` is built in",
    )


def _topics() -> TextData:
    """The topics of Python's help: about 64,000 words of English on one subject. Another Python has other words."""
    from pydoc_data.topics import topics

    content = "\n".join(topics[name] for name in sorted(topics)).encode()
    file = TextFile("the topics of Python's documentation", lambda: io.BytesIO(content))
    return TextData("topics", (file,), hashlib.sha256(content).hexdigest(), "Python's documentation, built in")


def known_texts() -> tuple[KnownSet, ...]:
    """Every text that has a name, and whether it is here."""
    folder = next((place for place in places("wiki") if any(place.glob("*.txt"))), None)
    return (
        KnownSet(
            "topics", "English text of Python's documentation, counted in words", 64_285, 0, "PSF", (), "built in"
        ),
        KnownSet(
            name="wiki",
            what="articles of the English Wikipedia of 2015 as plain text, counted in words",
            train=16_200_000,
            held_out=0,
            terms="CC BY-SA 3.0",
            looked_for=places("wiki"),
            found=str(folder) if folder else None,
        ),
    )
