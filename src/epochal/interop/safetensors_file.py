"""Reading and writing safetensors: a length, a JSON header, and the numbers one after another.

The header is read here and not by the library, which would silently take the last of two tensors with one name; the
numbers are read by the library.

https://huggingface.co/docs/safetensors
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from epochal.core.durable import disk_fault, replace_file
from epochal.core.fault import printable
from epochal.interop.stored import Header, Stored, checked, damaged, file_size

# A header of a network's weights has kilobytes.
MOST_HEADER_BYTES = 16 << 20
# Ours hold the mean picture too.
MOST_METADATA_BYTES = 6 << 20

_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def open_safetensors(path: Path) -> Stored:
    """A safetensors file, its header checked; no tensor is read yet.

    Raises:
        InputFault: it is none, or its header claims what cannot be.
    """
    size = file_size(path)
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or not 2 <= length <= min(size - 8, MOST_HEADER_BYTES):
            raise damaged(path, f"it has {size:,} bytes and claims a header of {length:,}")
        content = file.read(length)
    pairs = _parsed(path, content)
    metadata = _metadata(path, [value for name, value in pairs if name == "__metadata__"])
    entries = [(name, value) for name, value in pairs if name != "__metadata__"]
    held = size - 8 - length
    headers = checked(path, ((name, _header(path, name, value)) for name, value in entries), held)
    _check_places(path, [(name, dict(value)["data_offsets"], headers[name].bytes) for name, value in entries], held)

    def read(name: str) -> Tensor:
        try:
            with safetensors.safe_open(path, "pt") as opened:
                # Not the file's own pages: they would change with it.
                tensor: Tensor = opened.get_tensor(name)
                return tensor.clone()
        except (safetensors.SafetensorError, OSError) as error:
            raise damaged(path, printable(str(error))) from None

    return Stored(path, "safetensors", headers, read, metadata)


def _parsed(path: Path, content: bytes) -> list[tuple[str, Any]]:
    """The header's members in order, each object of it as a list of pairs, so that nothing is lost."""
    try:
        parsed = json.loads(content.decode("utf-8"), object_pairs_hook=list)
    except (ValueError, RecursionError):
        raise damaged(path, "its header is no JSON") from None
    if content[:1] != b"{" or not isinstance(parsed, list):
        raise damaged(path, "its header is no JSON object")
    return parsed


def _header(path: Path, name: str, value: Any) -> Header:
    fields: dict[str, Any] = dict(value) if _is_object(value) else {}
    shape, kind, places = (fields.get(key) for key in ("shape", "dtype", "data_offsets"))
    sound = _are_counts(shape) and _are_counts(places) and len(places or []) == 2 and len(fields) == len(value)
    if not sound or not isinstance(kind, str):
        raise damaged(path, f"its header says nothing sound of {printable(name, 60)!r}")
    if kind not in _DTYPES:
        raise damaged(path, f"{printable(name, 60)} holds numbers of the type {printable(kind, 20)}")
    return Header(tuple(shape or ()), _DTYPES[kind])


def _is_object(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, tuple) and len(one) == 2 for one in value)


def _are_counts(value: Any) -> bool:
    return isinstance(value, list) and all(type(one) is int and 0 <= one < 2**63 for one in value)


def _check_places(path: Path, places: list[tuple[str, list[int], int]], held: int) -> None:
    """Each tensor must have the bytes its shape needs, one after another to the end of the file."""
    reached = 0
    for name, (begin, end), needed in sorted(places, key=lambda one: one[1]):
        if begin != reached or end - begin != needed:
            raise damaged(path, f"{name} is said to lie at bytes {begin:,} to {end:,}, with {needed:,} bytes needed")
        reached = end
    if reached != held:
        raise damaged(path, f"its tensors have {reached:,} bytes, and the file has {held:,} for them")


def _metadata(path: Path, found: list[Any]) -> dict[str, str]:
    if not found:
        return {}
    (pairs, *more) = found
    if more or not _is_object(pairs) or not all(isinstance(text, str) for pair in pairs for text in pair):
        raise damaged(path, "its metadata are no texts")
    if sum(len(name) + len(text) for name, text in pairs) > MOST_METADATA_BYTES:
        raise damaged(path, "its metadata are longer than six megabytes")
    return dict(pairs)


def write_safetensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Replace the file at `path`: after a crash it holds the old tensors or the new, never a part.

    Raises:
        DiskFault: the disk is full or refuses; the old file is as it was.
    """
    apart = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    try:
        # Not the library's own writer: it truncates the file in place, and lets nobody else read it.
        replace_file(path, safetensors.torch.save(apart, {"format": "pt", **metadata}))
    except OSError as error:
        raise disk_fault(error, path) from error
