"""Image files made to do harm: bombs, and bytes that break decoders."""

from __future__ import annotations

import contextlib
import gzip
import io
import resource
import struct
import subprocess
import sys
import textwrap
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from epochal.core.fault import InputFault
from epochal.data.check import check
from epochal.data.decode import decode_bytes, decode_framed
from epochal.data.frame import CentreSquare
from epochal.data.idx import read_images


def saved(kind: str, mode: str = "RGB") -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 31, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind)
    return file.getvalue()


SEEDS = [
    *(saved(kind) for kind in ("PNG", "JPEG", "WEBP", "BMP", "GIF")),
    *(saved("PNG", mode) for mode in ("P", "LA", "RGBA", "1", "I;16")),
    saved("JPEG", "CMYK"),
    saved("WEBP", "RGBA"),
]


def try_to_decode(content: bytes) -> None:
    """Decoding answers with a picture or with an InputFault, and nothing else."""
    with contextlib.suppress(InputFault):
        picture = decode_bytes(content, "it")
        assert (picture.dtype, picture.shape[2]) == (np.uint8, 3)
    with contextlib.suppress(InputFault):
        assert decode_framed(content, CentreSquare(8), (), "it").shape == (8, 8, 3)


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6),
    st.integers(0, 4000),
)
def test_flipped_and_cut_files_raise_nothing_but_our_fault(content, flips, length):
    damaged = bytearray(content)
    for place, value in flips:
        damaged[place % len(damaged)] = value
    try_to_decode(bytes(damaged[:length]) if length < len(damaged) else bytes(damaged))


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"BM", b"RIFF\x10\0\0\0WEBPVP8X"]),
    st.binary(max_size=300),
)
def test_random_bytes_behind_a_signature_raise_nothing_but_our_fault(signature, content):
    try_to_decode(signature + content)


def png_bomb(width: int, height: int) -> bytes:
    """One bit a pixel, all zero: a few kB that would become gigabytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    packer, rows = zlib.compressobj(9), b"\0" * (1 + (width + 7) // 8)
    data = b"".join(packer.compress(rows) for _ in range(height)) + packer.flush()
    header = struct.pack(">2I5B", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def webp_bomb(width: int, height: int) -> bytes:
    body = b"\0\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    content = b"WEBPVP8X" + struct.pack("<I", len(body)) + body + saved("WEBP")[12:]
    return b"RIFF" + struct.pack("<I", len(content)) + content


def gif_bomb() -> bytes:
    return b"GIF89a" + struct.pack("<2H", 65535, 65535) + b"\x80\0\0" + b"\0" * 6 + saved("GIF")[-200:]


def bmp_bomb() -> bytes:
    content = bytearray(saved("BMP"))
    content[18:26] = struct.pack("<2i", 60_000, 60_000)
    return bytes(content)


def text_bomb() -> bytes:
    """A small PNG with a compressed text of 200 MB."""
    content = saved("PNG")
    text = b"zTXt" + b"Comment\0\0" + zlib.compress(b"\0" * 200_000_000, 9)
    return content[:33] + struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text)) + content[33:]


@pytest.fixture(scope="module")
def bombs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bombs")
    (folder / "a.png").write_bytes(png_bomb(13_000, 13_000))
    (folder / "b.png").write_bytes(png_bomb(40_000, 20_000))
    (folder / "c.webp").write_bytes(webp_bomb(16_000, 16_000))
    (folder / "d.gif").write_bytes(gif_bomb())
    (folder / "e.bmp").write_bytes(bmp_bomb())
    (folder / "f.png").write_bytes(text_bomb())
    return folder


def test_a_bomb_is_named_with_its_size(bombs):
    with pytest.raises(InputFault, match="states 169,000,000 pixels"):
        decode_bytes((bombs / "a.png").read_bytes(), "it")
    with pytest.raises(InputFault, match="states 16,000 x 16,000 pixels"):
        decode_bytes((bombs / "c.webp").read_bytes(), "it")


def test_bombs_take_no_memory(bombs):
    """In a process of its own, whose peak memory is read before and after all six."""
    script = f"""
        import glob, resource
        from epochal.core.fault import InputFault
        from epochal.data.decode import decode_file
        from PIL import WebPImagePlugin
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        refused = 0
        for path in sorted(glob.glob({str(bombs / "*")!r})):
            try:
                decode_file(path)
            except InputFault:
                refused += 1
        print(refused, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True, timeout=120
    )
    refused, kilobytes = map(int, done.stdout.split())
    assert refused == 6
    assert kilobytes < 30_000


def test_a_gzip_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "train-images-idx3-ubyte.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(struct.pack(">4I", 0x803, 10, 28, 28))
        for _ in range(40):
            file.write(b"\0" * 10_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputFault, match="states 7,840 bytes and holds more"):
        read_images(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


def test_a_header_that_lies_costs_no_memory(tmp_path):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(struct.pack(">4I", 0x803, 30_000, 256, 256) + b"few")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputFault, match="holds only 3"):
        read_images(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


def test_the_check_survives_a_folder_of_bombs(bombs, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "good.png").write_bytes(saved("PNG") + name.encode())
    for path in bombs.iterdir():
        (tmp_path / "one" / path.name).write_bytes(path.read_bytes())
    report = check(f"imagefolder:{tmp_path}")
    # The GIF is not an image by torchvision's list of endings.
    assert report.counts()["error"] == 5
    assert not report.usable
