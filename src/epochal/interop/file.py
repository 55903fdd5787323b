"""Which kind of file of weights this is: by its first bytes, as endings lie."""

from __future__ import annotations

import zipfile
from pathlib import Path

from epochal.core.fault import InputFault, printable
from epochal.interop.caffe_file import open_caffemodel
from epochal.interop.numpy_file import open_npz
from epochal.interop.safetensors_file import open_safetensors
from epochal.interop.stored import Stored, file_size
from epochal.interop.torch_file import open_torch

READABLE = ".safetensors, .pth or .pt (a state dict), .caffemodel, .npz"


def open_file(path: Path) -> Stored:
    """The tensors of a file of any kind that can be read, none of them read yet.

    Raises:
        InputFault: the file is of no known kind, is damaged, claims what cannot be, or would run something.
    """
    size = file_size(path)
    try:
        with open(path, "rb") as file:
            head = file.read(16)
    except OSError as error:
        raise InputFault(f"{printable(str(path))} cannot be read: {error.strerror}", expected="a file") from None
    if path.suffix.lower() == ".caffemodel":
        return open_caffemodel(path)
    if head[:4] == b"PK\x03\x04":
        return open_npz(path) if _is_npz(path) else open_torch(path)
    if head[:2] == b"\x80\x02":
        return open_torch(path)
    if head[:6] == b"\x93NUMPY":
        raise InputFault(
            f"{printable(str(path))} is an array without a name, or a pickle, which is never loaded",
            expected=READABLE,
            remedy="where you trust the file: numpy.savez(out, **{'conv1.0': weights, 'conv1.1': biases, ...})",
        )
    if path.suffix.lower() == ".safetensors" or head[8:9] == b"{":
        return open_safetensors(path)
    raise InputFault(
        f"{printable(str(path))} ({size:,} bytes) is no file of weights that is known here",
        expected=READABLE,
        remedy="save the state dict with safetensors, and read that",
    )


def _is_npz(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError):
        return False
    return bool(names) and all(name.endswith(".npy") for name in names)
