"""What is special about a picture, and what decoding does with it: in words, for `epochal data check`."""

from __future__ import annotations

import os

from PIL import Image

from epochal.data.decode import opened, orientation, to_rgb, upright

# A side below this is most likely a thumbnail or an icon by mistake.
TINY = 16

_EXTENSIONS = {
    "JPEG": (".jpg", ".jpeg"),
    "MPO": (".jpg", ".jpeg"),
    "PNG": (".png",),
    "BMP": (".bmp",),
    "WEBP": (".webp",),
    "GIF": (".gif",),
}


def treatments(content: bytes, name: str) -> list[tuple[str, str]]:
    """Decode the whole picture and tell what was special: pairs of a kind and a sentence, none for an ordinary one.

    Args:
        content: the bytes of the file.
        name: the file's path, to name it and to compare its ending with what it is.

    Raises:
        InputFault: it cannot be decoded; the name and the reason are told.
    """
    told: list[tuple[str, str]] = []
    with opened(content, name) as image:
        told += _of_the_file(image, content, name)
        told += _of_the_mode(image, content)
        turned = orientation(image)
        if turned != 1:
            told.append(("exif", f"turned upright, as its EXIF orientation {turned} says"))
        to_rgb(upright(image))
    return told


def _of_the_file(image: Image.Image, content: bytes, name: str) -> list[tuple[str, str]]:
    told = []
    ending = os.path.splitext(name)[1].lower()
    if ending in sum(_EXTENSIONS.values(), ()) and ending not in _EXTENSIONS.get(image.format or "", (ending,)):
        told.append(("misnamed", f"called {ending} but is a {image.format}: decoded as what it is"))
    if getattr(image, "is_animated", False):
        told.append(("animated", "has several frames: only the first is used"))
    if min(image.size) < TINY:
        told.append(("tiny", f"has only {image.width} x {image.height} pixels"))
    return told


def _of_the_mode(image: Image.Image, content: bytes) -> list[tuple[str, str]]:
    told = []
    # In a PNG's header the byte after width and height is the depth.
    if image.mode.startswith("I") or (image.format == "PNG" and content[24:25] == b"\x10"):
        told.append(("16-bit", "has 16 bits a channel: scaled to 8"))
    if image.has_transparency_data:
        told.append(("transparent", f"has transparency (mode {image.mode}): laid over white"))
    if image.mode == "CMYK":
        told.append(("cmyk", "is CMYK: converted to RGB without its colour profile"))
    if image.mode in ("1", "L", "LA") or image.mode.startswith("I"):
        told.append(("gray", "is gray: the channel is repeated three times"))
    return told
