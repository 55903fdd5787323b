"""A model as a folder that others can load: config.json, model.safetensors, preprocessing.safetensors, README.md.

The folder is the form in which the Hugging Face Hub keeps models, and needs neither the Hub nor its library. Weights
are alone in their file, so that any reader of safetensors has them; what prepares a picture (the mean picture, above
all) lies beside them. A folder may come from a stranger: no link in it is followed, but those of the Hub's own cache.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from epochal.core.durable import disk_fault, flush_folder, write_json, write_text
from epochal.core.fault import InputFault, printable
from epochal.interop.safetensors_file import open_safetensors, write_safetensors
from epochal.interop.stored import Stored

FORMAT = 1
CONFIG, WEIGHTS, PREPROCESSING, CARD = "config.json", "model.safetensors", "preprocessing.safetensors", "README.md"
_MOST_CONFIG_BYTES = 16 << 20
_KINDS: dict[str, type] = {"landmark": str, "landmark_version": int, "recipe": dict, "classes": list}


@dataclass(frozen=True)
class HubFolder:
    """A folder that was opened; no tensor is read yet.

    Attributes:
        path: where it lies.
        config: what config.json says.
        weights: the network's tensors.
        preprocessing: the statistics that prepare a picture.
    """

    path: Path
    config: dict[str, Any]
    weights: Stored
    preprocessing: Stored

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes' names."""
        return tuple(self.config["classes"])


def open_hub_folder(folder: Path) -> HubFolder:
    """A folder that `epochal export --format hub` made.

    Raises:
        InputFault: it is none, something in it is damaged, or it holds a link to elsewhere.
    """
    for name in (CONFIG, WEIGHTS):
        if not os.path.isfile(folder / name):  # not Path.is_file: that one raises for names that are too long
            raise InputFault(
                f"{printable(str(folder))} is no exported model: it has no {name}",
                expected=f"a folder with {CONFIG}, {WEIGHTS} and {PREPROCESSING}",
                remedy="`epochal export RUN --format hub` makes one",
            )
    for name in (CONFIG, WEIGHTS, PREPROCESSING):
        _refuse_link(folder, folder / name)
    config = _config(folder / CONFIG)
    return HubFolder(folder, config, open_safetensors(folder / WEIGHTS), open_safetensors(folder / PREPROCESSING))


def _refuse_link(folder: Path, path: Path) -> None:
    if not path.is_symlink():
        return
    # The Hub's cache keeps each file once, below blobs/, and links to it from snapshots/COMMIT/.
    if folder.parent.name == "snapshots" and path.resolve().parent == (folder.parent.parent / "blobs").resolve():
        return
    raise InputFault(
        f"{printable(str(path))} is a link",
        expected="an ordinary file, as `epochal export` writes it",
        remedy="use no folder whose maker you do not know; replace the link by what it points to",
    )


def _config(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MOST_CONFIG_BYTES:
            raise ValueError(f"it is larger than {_MOST_CONFIG_BYTES >> 20} MiB")
        config = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(config, dict) or config.get("library") != "epochal":
            raise ValueError("it was not written by epochal")
        for name, kind in _KINDS.items():
            if not isinstance(config.get(name), kind):
                raise ValueError(f"{name} is {printable(json.dumps(config.get(name)), 60)}")
        if not config["classes"] or not all(isinstance(name, str) for name in config["classes"]):
            raise ValueError("the classes are no list of names")
    except (OSError, ValueError, RecursionError) as error:
        raise InputFault(
            f"{printable(str(path))} cannot be used: {printable(str(error), 160)}",
            expected="the JSON that `epochal export --format hub` wrote",
            remedy="fetch or export the folder again",
        ) from None
    if config.get("format") != FORMAT:
        raise InputFault(
            f"{printable(str(path))} has format {printable(json.dumps(config.get('format')), 60)}",
            expected=f"format {FORMAT}",
            remedy="use the version of epochal that wrote it",
        )
    return config


def write_hub_folder(
    folder: Path, config: dict[str, Any], weights: dict[str, Tensor], preprocessing: dict[str, Tensor], card: str
) -> None:
    """Make the folder: whole, or not at all.

    Args:
        folder: where; nothing may be there.
        config: what config.json says, besides its format.
        weights: the network's tensors.
        preprocessing: the statistics that prepare a picture.
        card: the text of README.md.

    Raises:
        DiskFault: the disk is full or refuses.
    """
    partial = folder.with_name(f".{folder.name[:100]}.{os.getpid()}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        write_safetensors(partial / WEIGHTS, weights, {})
        write_safetensors(partial / PREPROCESSING, preprocessing, {})
        write_json(partial / CONFIG, {"library": "epochal", "format": FORMAT, **config})
        write_text(partial / CARD, card)
        flush_folder(partial)
        os.rename(partial, folder)
        flush_folder(folder.parent)
    except OSError as error:
        raise disk_fault(error, folder) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def fetch_folder(repository: str, *, offline: bool = False) -> Path:
    """The folder of a model on the Hub, downloaded if it is not in the Hub's cache.

    Args:
        repository: `owner/name`.
        offline: use the cache only, as `HF_HUB_OFFLINE=1` does.

    Raises:
        InputFault: it is neither here nor can it be downloaded.
    """
    import huggingface_hub

    offline = offline or os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
    wanted = [CONFIG, WEIGHTS, PREPROCESSING, CARD]
    try:
        return Path(huggingface_hub.snapshot_download(repository, allow_patterns=wanted, local_files_only=offline))
    # The client raises its own errors, those of its HTTP library, and plain OSError.
    except Exception as error:
        reason = printable(str(error).splitlines()[0], 160) if str(error) else type(error).__name__
        raise InputFault(
            f"there is no file, folder or run {repository}, and the Hub gave no model of that name: {reason}",
            expected="a path, a run, or a model on the Hub as owner/name",
            remedy="look at the spelling" + ("; downloading is switched off" if offline else ""),
        ) from None
