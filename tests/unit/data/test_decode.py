import io
import os
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from epochal.core.fault import InputFault
from epochal.data.decode import decode_bytes, decode_file, decode_framed
from epochal.data.frame import CentreSquare, RandomResizedCrop
from epochal.data.images import framed_picture
from epochal.data.treatment import treatments

KINDS = {"PNG": 0, "BMP": 0, "GIF": 8, "JPEG": 4, "WEBP": 5}


def difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(int) - b.astype(int)).mean())


def deep_png(values: np.ndarray, colour: int, extra: bytes = b"") -> bytes:
    """A 16-bit PNG written by hand: Pillow cannot write colour in 16 bits."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">2I5B", width, height, 16, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_gives_the_picture_back(picture, encoded, kind):
    image = picture(60, 40)
    decoded = decode_bytes(encoded(image, kind), "it")
    assert decoded.shape == (40, 60, 3)
    assert difference(decoded, np.asarray(image)) <= KINDS[kind]


def test_a_file_is_decoded_by_what_it_is_not_by_its_name(tmp_path, picture, encoded):
    path = tmp_path / "really-a-png.jpg"
    path.write_bytes(encoded(picture(20, 20), "PNG"))
    np.testing.assert_array_equal(decode_file(path), np.asarray(picture(20, 20)))
    assert treatments(path.read_bytes(), str(path))[0][0] == "misnamed"


def test_gray_is_repeated(picture, encoded):
    gray = picture(9, 7).convert("L")
    for channel in range(3):
        np.testing.assert_array_equal(decode_bytes(encoded(gray), "it")[..., channel], np.asarray(gray))


def test_one_bit_becomes_black_and_white(encoded):
    image = Image.fromarray(np.array([[True, False], [False, True]]))
    assert decode_bytes(encoded(image), "it")[..., 1].tolist() == [[255, 0], [0, 255]]


def test_sixteen_bits_are_scaled_not_clipped(encoded):
    deep = np.array([[0, 128, 129, 257], [32768, 65535, 65407, 514]], dtype=np.uint16)
    content = encoded(Image.fromarray(deep))
    assert decode_bytes(content, "it")[..., 0].tolist() == [[0, 0, 1, 1], [128, 255, 255, 2]]
    assert "16-bit" in [kind for kind, _ in treatments(content, "it.png")]


def test_sixteen_bits_of_colour_are_scaled():
    deep = np.array([[[0, 257 * 7, 65535], [257 * 200, 300, 40_000]]], dtype=np.uint16)
    content = deep_png(deep, colour=2)
    assert difference(decode_bytes(content, "it"), np.array([[[0, 7, 255], [200, 1, 156]]])) <= 0.5
    assert "16-bit" in [kind for kind, _ in treatments(content, "it.png")]


def test_a_transparent_value_in_sixteen_bits_becomes_white():
    chunk = b"tRNS" + struct.pack(">H", 1000)
    extra = struct.pack(">I", 2) + chunk + struct.pack(">I", zlib.crc32(chunk))
    content = deep_png(np.array([[1000, 1001, 0]], dtype=np.uint16), colour=0, extra=extra)
    assert decode_bytes(content, "it")[..., 0].tolist() == [[255, 4, 0]]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_laid_over_white(encoded, mode):
    image = Image.new(mode, (3, 1), (100,) * (len(mode) - 1) + (255,))
    image.putpixel((1, 0), (100,) * (len(mode) - 1) + (0,))
    image.putpixel((2, 0), (100,) * (len(mode) - 1) + (128,))
    assert decode_bytes(encoded(image), "it")[0, :, 0].tolist() == [100, 255, 177]


def test_a_palette_with_transparency_is_laid_over_white(encoded):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    content = encoded(image, transparency=b"\xff\x00")
    assert decode_bytes(content, "it").tolist() == [[[10, 20, 30], [255, 255, 255]]]
    assert "transparent" in [kind for kind, _ in treatments(content, "it.png")]


def test_cmyk_becomes_rgb(picture, encoded):
    content = encoded(picture(40, 30).convert("CMYK"), "JPEG", quality=95)
    assert difference(decode_bytes(content, "it"), np.asarray(picture(40, 30))) < 6
    assert "cmyk" in [kind for kind, _ in treatments(content, "it.jpg")]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_a_picture_stands_upright_as_exif_says(picture, encoded, kind, turn):
    undo = {
        **{2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM},
        **{5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE},
        **{8: Image.Transpose.ROTATE_270},
    }
    upright = picture(48, 32)
    stored = upright.transpose(undo[turn]) if turn in undo else upright
    exif = Image.Exif()
    exif[0x0112] = turn
    content = encoded(stored, kind, exif=exif)
    assert difference(decode_bytes(content, "it"), np.asarray(upright)) < 6
    framed = decode_framed(content, CentreSquare(16), (), "it")
    assert difference(framed, framed_picture(np.asarray(upright), CentreSquare(16))) < 6


@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"nonsense"])
def test_damaged_exif_does_no_harm(picture, encoded, exif):
    content = encoded(picture(20, 10), "JPEG", exif=exif)
    assert decode_bytes(content, "it").shape == (10, 20, 3)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation_is_used(picture, encoded, kind):
    frames = [picture(24, 24, shift).convert("RGB") for shift in (0, 3)]
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)
    assert difference(decode_bytes(content, "it"), np.asarray(frames[0])) < 8
    assert "animated" in [kind for kind, _ in treatments(content, "it")]


def test_framing_while_decoding_equals_framing_afterwards(picture, encoded):
    content = encoded(picture(300, 200), "JPEG", quality=95)
    draws = [0.37 * k % 1 for k in range(22)]
    for frame, numbers in ((CentreSquare(150), ()), (RandomResizedCrop(120), draws)):
        decoded = framed_picture(decode_bytes(content, "it"), frame, numbers)
        np.testing.assert_array_equal(decode_framed(content, frame, numbers, "it"), decoded)


@pytest.mark.parametrize("size", [(1600, 1200), (1603, 1207), (900, 2000)])
@pytest.mark.parametrize("exif", [False, True])
def test_a_large_jpeg_is_decoded_small_and_looks_the_same(picture, encoded, size, exif):
    turned = Image.Exif()
    turned[0x0112] = 6
    content = encoded(picture(*size), "JPEG", quality=92, **({"exif": turned} if exif else {}))
    whole = framed_picture(decode_bytes(content, "it"), CentreSquare(96))
    assert difference(decode_framed(content, CentreSquare(96), (), "it"), whole) < 1.5


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "it is empty \\(0 bytes\\)"),
        (b"hello, this is a text", "begins like a text, 'hello, this is a"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"%PDF-1.4 .......", "a PDF"),
        (b"II*\0........", "a TIFF"),
        (b"\0\0\0\x18ftypheic....", "a HEIC"),
        (b"PK\x03\x04.....", "a zip"),
        (b"\0\1\2\3\4\5\6\7", "no picture that is known"),
        (b"\xff\xd8\xff", "cannot be decoded"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "damaged WEBP"),
        (b"RIFF\0\0\0\0WEBPICCP" + b"\0" * 30, "damaged WEBP"),
    ],
)
def test_what_is_no_picture_is_named_for_what_it_is(content, told):
    with pytest.raises(InputFault, match=told):
        decode_bytes(content, "it")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_a_truncated_file_is_named(tmp_path, picture, encoded, kind):
    content = encoded(picture(64, 64), kind)
    path = tmp_path / "cut.img"
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputFault, match=r"cut\.img cannot be decoded"):
        decode_file(path)


def test_a_missing_file_a_folder_and_a_pipe_are_named(tmp_path):
    with pytest.raises(InputFault, match="cannot be opened: No such file"):
        decode_file(tmp_path / "absent.jpg")
    with pytest.raises(InputFault, match="no regular file"):
        decode_file(tmp_path)
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(InputFault, match="no regular file"):
        decode_file(tmp_path / "pipe.jpg")


def test_a_limit_on_pixels_is_an_argument(picture, encoded):
    content = encoded(picture(100, 100))
    assert decode_bytes(content, "it", most_pixels=10_000).shape == (100, 100, 3)
    with pytest.raises(InputFault, match="states 100 x 100 pixels"):
        decode_bytes(content, "it", most_pixels=9_999)


def test_no_warning_comes_through(encoded):
    # Pillow warns of palette images with transparency in bytes.
    image = Image.new("P", (4, 4))
    file = io.BytesIO()
    image.save(file, "PNG", transparency=bytes(range(4)))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        decode_bytes(file.getvalue(), "it")
    assert caught == []


def test_a_hostile_name_cannot_move_the_terminal(tmp_path):
    with pytest.raises(InputFault) as fault:
        decode_file(tmp_path / "\x1b[2J\u202egpj.exe")
    assert "\x1b" not in str(fault.value)
    assert "\u202e" not in str(fault.value)
