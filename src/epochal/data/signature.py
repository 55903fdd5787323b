"""What kind of image a file is, told by its first bytes and never by its name."""

from __future__ import annotations

from epochal.core.fault import InputFault, printable

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")

_OURS = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
)
_OTHERS = (
    (b"II*\x00", "a TIFF"),
    (b"MM\x00*", "a TIFF"),
    (b"%PDF", "a PDF"),
    (b"8BPS", "a Photoshop file"),
    (b"\x00\x00\x01\x00", "a Windows icon"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML file"),
    (b"<", "an HTML page"),
)
# ISO media files (HEIC, AVIF) tell their brand after eight bytes.
_BRANDS = ((b"avif", "an AVIF"), (b"avis", "an AVIF"), (b"heic", "a HEIC"), (b"heix", "a HEIC"), (b"mif1", "a HEIC"))


def format_of(head: bytes, name: str) -> str:
    """The format by its signature: one of `FORMATS`.

    Args:
        head: the first 32 bytes of the file, or all of a shorter one.
        name: what to call the file in the error.

    Raises:
        InputFault: the file is empty, or is something else; where it is known, what it is.
    """
    if not head:
        raise InputFault(f"{name} is empty (0 bytes)", expected="a picture", remedy="replace or remove the file")
    for signature, kind in _OURS:
        if head.startswith(signature):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    raise InputFault(
        f"{name} is {_other(head)}, whatever it is called",
        expected="a PNG, JPEG, WEBP, BMP or GIF picture",
        remedy="convert or remove the file; `epochal data check` lists every such file",
    )


def _other(head: bytes) -> str:
    if head[4:8] == b"ftyp":
        return dict(_BRANDS).get(head[8:12], "a video or media file")
    for signature, kind in _OTHERS:
        if head.lstrip().startswith(signature):
            return kind
    if all(byte in b"\t\r\n" or 32 <= byte < 127 or byte >= 128 for byte in head):
        return f"no picture: it begins like a text, {printable(head[:16].decode('utf-8', 'replace'))!r}"
    return "no picture that is known here"


def webp_size(head: bytes, name: str) -> tuple[int, int]:
    """The width and height a WEBP file states, from its first 30 bytes.

    Raises:
        InputFault: the header is cut short or damaged.
    """
    chunk, body = head[12:16], head[20:]
    if chunk == b"VP8X" and len(body) >= 10:
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if chunk == b"VP8L" and len(body) >= 5 and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if chunk == b"VP8 " and len(body) >= 10 and body[3:6] == b"\x9d\x01\x2a":
        # The upper two bits of each are a scale for showing it.
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    raise InputFault(f"{name} is a damaged WEBP file: its header states no size", remedy="replace or remove the file")
