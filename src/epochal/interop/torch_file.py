"""Reading a state dict that torch saved (`.pth`, `.pt`), without running what is in it.

Such a file is a pickle, and a pickle is a program. Only `weights_only=True` is ever used; before that, the program is
listed without running it and refused unless it calls nothing but what rebuilds a tensor. Sizes are compared with the
file's before memory is taken. Both forms are read: the zip of today, which is mapped into memory, and the one of before
torch 1.6, which is first read with fake tensors.
"""

from __future__ import annotations

import pickletools
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from epochal.core.fault import InputFault, printable
from epochal.interop.stored import Header, Stored, checked, damaged, file_size

# The pickle names tensors; their numbers lie elsewhere.
MOST_PICKLE_BYTES = 32 << 20
# The old form begins with three small pickles: a magic number, a version, the machine's sizes; the fourth counts.
_OLD_PICKLES = 4
_OLD_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."

# All that a state dict calls.
_HARMLESS = {
    "collections.OrderedDict",
    "torch._utils._rebuild_tensor",  # before torch 0.4
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_parameter",
    *(f"torch.{kind}Storage" for kind in ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char")),
    *(f"torch.{kind}Storage" for kind in ("Byte", "Bool")),
    *(f"torch.cuda.{kind}Storage" for kind in ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Byte", "Bool")),
}

# Where trainers keep the weights among other things (Lightning, timm and many scripts; then our own and others).
WRAPPERS = ("state_dict", "model_state_dict", "model")


def open_torch(path: Path) -> Stored:
    """A state dict that `torch.save` wrote, its sizes checked; no numbers are read yet.

    Raises:
        InputFault: it is none, it would run something, it holds more than tensors, or it claims what cannot be.
    """
    size = file_size(path)
    with open(path, "rb") as file:
        zipped = file.read(4) == b"PK\x03\x04"  # zipfile.is_zipfile looks at the end, and may raise
    if zipped:
        _check_zip(path, size)
        tensors = _tensors(path, _loaded(path, mapped=True))  # maps the file, which takes no memory
    else:
        _check_old(path)
        with FakeTensorMode():
            tensors = _tensors(path, _loaded(path, mapped=False))
    headers = checked(path, ((name, Header(tuple(t.shape), t.dtype)) for name, t in tensors.items()), 2 * size)
    _check_storages(path, tensors, size)
    real = tensors if zipped else {}

    def read(name: str) -> Tensor:
        if not real:
            real.update(_tensors(path, _loaded(path, mapped=False)))
        if real[name].layout != torch.strided or real[name].is_quantized:
            raise damaged(path, f"{name} is no plain tensor")
        return real[name].detach().clone(memory_format=torch.contiguous_format)

    return Stored(path, "torch", headers, read)


def _check_zip(path: Path, size: int) -> None:
    """Nothing packed, nothing larger than the file, and a pickle that calls nothing but tensors."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                raise damaged(path, "its parts are packed, which torch never does")
            if sum(entry.file_size for entry in entries) > size:
                raise damaged(path, "its parts claim to be larger than the file")
            programs = [entry for entry in entries if entry.filename.endswith(".pkl")]
            if len(programs) != 1 or not programs[0].filename.endswith("data.pkl"):
                raise damaged(path, "it is no state dict: a TorchScript program, or an archive of something else")
            if programs[0].file_size > MOST_PICKLE_BYTES:
                raise damaged(path, f"the list of its tensors has {programs[0].file_size:,} bytes")
            with archive.open(programs[0]) as program:
                _check_calls(path, program)
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        if isinstance(error, InputFault):
            raise
        raise damaged(path, f"the zip archive is damaged ({printable(str(error), 80)})") from None


def _check_old(path: Path) -> None:
    with open(path, "rb") as file:
        if file.read(len(_OLD_MAGIC)) != _OLD_MAGIC:
            raise damaged(path, "it was not written by torch.save")
        file.seek(0)
        for _ in range(_OLD_PICKLES):
            _check_calls(path, file)


def _check_calls(path: Path, program: Any) -> None:
    """List what the pickle in a binary file would call, without calling it."""
    try:
        for opcode, argument, place in pickletools.genops(program):
            if place is not None and place > MOST_PICKLE_BYTES:
                raise damaged(path, "the list of its tensors has no end")
            if opcode.name in ("INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4"):
                raise _refusal(path, f"makes objects of its own ({opcode.name})")
            if opcode.name == "GLOBAL" and (called := str(argument).replace(" ", ".")) not in _HARMLESS:
                raise _refusal(path, f"calls {printable(called, 80)}")
    except InputFault:
        raise
    # Whatever a parser of pickles stumbles over in a hostile file.
    except Exception as error:
        raise damaged(path, f"its pickle is damaged ({printable(str(error), 80)})") from None


def _refusal(path: Path, does: str) -> InputFault:
    return InputFault(
        f"{printable(str(path))} is refused, and nothing in it was run: besides tensors it {does}",
        expected="a state dict: names and tensors, nothing else",
        remedy="save `model.state_dict()` where you trust the file, best with safetensors, and read that",
    )


def _loaded(path: Path, *, mapped: bool) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    # A damaged file makes torch raise nearly anything.
    except Exception as error:
        told = printable((str(error) or type(error).__name__).splitlines()[0], 120)
        raise damaged(path, f"torch cannot read it ({told})") from None


def _tensors(path: Path, value: Any) -> dict[str, Tensor]:
    """The names and tensors of a state dict, found below the names under which trainers keep it."""
    for _ in range(2):
        inner = [key for key in WRAPPERS if isinstance(value, Mapping) and isinstance(value.get(key), Mapping)]
        value = value[inner[0]] if inner else value
    if not isinstance(value, Mapping):
        raise damaged(path, f"it holds no names and tensors but a {type(value).__name__}")
    for name, tensor in value.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise damaged(path, f"{printable(str(name)[:60])!r} is a {type(tensor).__name__}, not a tensor")
    return dict(value)


def _check_storages(path: Path, tensors: dict[str, Tensor], size: int) -> None:
    """A tensor may repeat a number without end, and a storage may claim any size: neither may cost memory."""
    storages: dict[int, int] = {}
    for name, tensor in tensors.items():
        storage = tensor.untyped_storage()
        storages[storage._cdata] = storage.nbytes()
        if tensor.numel() * tensor.element_size() > storage.nbytes():
            raise damaged(path, f"{name} is said to be larger than what is stored of it")
    if sum(storages.values()) > size:
        raise damaged(path, f"its tensors claim more than its {size:,} bytes")
