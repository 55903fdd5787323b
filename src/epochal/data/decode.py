"""From the bytes of an image file to RGB pixels, within bounds.

Bounded: the kind of file is told by its first bytes and only that one decoder is let loose on it; the stated size is
read before any pixel memory is taken; text and colour-profile chunks stay under Pillow's limit of 1 MiB each. Defined:
the first frame of an animation; upright, as EXIF says; transparency over white; 16 bits scaled to 8, not clipped; gray,
palette and CMYK converted. Pillow's warnings never come through: they are filtered for the moment of a call, and as
Python keeps one filter for the whole process, decode in processes rather than in threads.
"""

from __future__ import annotations

import io
import os
import re
import stat
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from epochal.core.fault import Fault, InputFault, printable
from epochal.data.frame import Frame
from epochal.data.images import Picture
from epochal.data.resample import resample
from epochal.data.signature import format_of, webp_size

# What a picture that can be decoded may be called.
EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif")

MOST_PIXELS = 40_000_000
MOST_BYTES = 256 << 20

# A JPEG is decoded at 1/2, 1/4 or 1/8 of its size while at least this many pixels are left for each pixel wanted.
_DRAFT_GAP = 2

_EXIF_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)


def decode_file(path: Path | str, most_pixels: int = MOST_PIXELS) -> Picture:
    """The whole picture in a file, upright, as RGB.

    Raises:
        InputFault: it cannot be decoded, or states more than `most_pixels`; the file and the reason are named.
    """
    with opened(path, str(path), most_pixels) as image:
        return np.array(to_rgb(upright(image)))


def decode_bytes(content: bytes, name: str, most_pixels: int = MOST_PIXELS) -> Picture:
    """The whole picture in the bytes of a file, upright, as RGB; `name` is what to call it in errors.

    Raises:
        InputFault: it cannot be decoded, or states more than `most_pixels`; the name and the reason are told.
    """
    with opened(content, name, most_pixels) as image:
        return np.array(to_rgb(upright(image)))


def decode_framed(
    source: Path | str | bytes, frame: Frame, draws: Sequence[float], name: str, most_pixels: int = MOST_PIXELS
) -> UInt8[np.ndarray, "S S 3"]:
    """The part of a picture that the frame chooses, resampled to the frame's size.

    Equal to framing the whole picture, but for a JPEG much larger than needed, which is decoded at a fraction of its
    size (libjpeg's scaled transform) and differs by what that filter does.

    Args:
        source: a path, or the bytes of a file.
        frame: which part.
        draws: the numbers the frame needs.
        name: what to call the picture in errors.
        most_pixels: a picture that states more is refused before memory is taken.

    Raises:
        InputFault: it cannot be decoded; the name and the reason are told.
    """
    with opened(source, name, most_pixels) as image:
        box = frame.box(*upright_size(image), draws)
        shrink = _draft(image, box, frame.size)
        part = np.array(to_rgb(upright(image).crop(_shrunk(box, shrink))))
    return resample(part, frame.size)


@contextmanager
def opened(source: Path | str | bytes, name: str, most_pixels: int = MOST_PIXELS) -> Iterator[Image.Image]:
    """The picture with its header read and its size checked; whatever fails inside is told as an `InputFault`.

    Raises:
        InputFault: the file is missing, empty, of a kind we do not decode, too large or damaged.
    """
    name = printable(name)
    try:
        with warnings.catch_warnings(), _stream(source, name) as file:
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            head = file.read(32)
            file.seek(0)
            kind = format_of(head, name)
            if kind == "WEBP":
                # Its decoder takes memory for the whole picture on opening.
                _check_pixels(*webp_size(head, name), most_pixels, name)
            with Image.open(file, formats=(kind,)) as image:
                _check_pixels(*image.size, most_pixels, name)
                yield image
    except Fault:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        stated = re.search(r"\((\d+) pixels\)", str(error))
        raise _too_large(f"{int(stated[1]):,} pixels" if stated else "too many pixels", most_pixels, name) from None
    # Damaged bytes make Pillow's readers raise nearly every kind of exception: OSError, SyntaxError, ValueError,
    # struct.error, IndexError, EOFError, MemoryError, ...
    except Exception as error:
        raise InputFault(
            f"{name} cannot be decoded: {printable(str(error)) or type(error).__name__}",
            expected="a whole PNG, JPEG, WEBP, BMP or GIF picture",
            remedy="replace or remove the file; `epochal data check` lists every such file",
        ) from None


def read_bounded(path: Path | str, name: str) -> bytes:
    """The bytes of a file that may be an image: a regular file, not larger than any image we decode.

    Raises:
        InputFault: it cannot be opened, is no regular file, or is too large.
    """
    with _stream(path, printable(name)) as file:
        return file.read(MOST_BYTES)


@contextmanager
def _stream(source: Path | str | bytes, name: str) -> Iterator[IO[bytes]]:
    if isinstance(source, bytes):
        yield io.BytesIO(source)
        return
    try:
        # Without O_NONBLOCK a named pipe that is called .jpg would be waited for, forever.
        descriptor = os.open(source, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise InputFault(f"{name} cannot be opened: {error.strerror or error}", expected="a readable file") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise InputFault(f"{name} is no regular file", expected="an image file")
    with open(descriptor, "rb") as file:
        if status.st_size > MOST_BYTES:
            raise InputFault(f"{name} has {status.st_size:,} bytes", expected=f"an image of at most {MOST_BYTES:,}")
        yield file


def _check_pixels(width: int, height: int, most_pixels: int, name: str) -> None:
    if width < 1 or height < 1:
        raise InputFault(f"{name} states a size of {width} x {height} pixels", expected="at least 1 x 1")
    if width * height > most_pixels:
        raise _too_large(f"{width:,} x {height:,} pixels", most_pixels, name)


def _too_large(stated: str, most_pixels: int, name: str) -> InputFault:
    return InputFault(
        f"{name} states {stated}",
        expected=f"at most {most_pixels:,} pixels in all",
        remedy="make the picture smaller, or remove it",
    )


def orientation(image: Image.Image) -> int:
    """How EXIF says the picture is to be turned: 1 to 8, where 1 is not at all; 1 when it says nothing sensible."""
    if "exif" not in image.info and image.format == "JPEG":
        return 1
    try:
        value = image.getexif().get(_EXIF_ORIENTATION, 1)
    except Exception:  # damaged EXIF does not make the pixels worse
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height once the picture stands upright."""
    width, height = image.size
    return (height, width) if orientation(image) in _SIDEWAYS else (width, height)


def upright(image: Image.Image) -> Image.Image:
    """The first frame, turned as EXIF says."""
    image.load()
    return ImageOps.exif_transpose(image) if orientation(image) != 1 else image


def to_rgb(image: Image.Image) -> Image.Image:
    """The picture as RGB: transparency over white, 16 bits scaled to 8."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I"):
        image = _eight_bits(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Sixteen bits of gray as eight, by scaling; a gray value declared transparent becomes an alpha channel."""
    deep = np.array(image).astype(np.int64).clip(0, 65535)
    gray = Image.fromarray(((deep + 128) // 257).astype(np.uint8))
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        gray.putalpha(Image.fromarray(np.where(deep == clear, 0, 255).astype(np.uint8)))
    return gray


def _draft(image: Image.Image, box: tuple[int, int, int, int], size: int) -> float:
    """Let a JPEG be decoded at a fraction of its size if the box stays large enough; how much smaller it became."""
    left, top, right, bottom = box
    shrink = min(right - left, bottom - top) // (_DRAFT_GAP * size)
    if image.format != "JPEG" or shrink < 2:
        return 1.0
    width, height = image.size
    drafted = image.draft(None, (width // shrink, height // shrink))
    return width / drafted[1][2] if drafted else 1.0


def _shrunk(box: tuple[int, int, int, int], shrink: float) -> tuple[int, int, int, int]:
    if shrink == 1.0:
        return box
    left, top, right, bottom = (round(edge / shrink) for edge in box)
    return (left, top, right, bottom)
