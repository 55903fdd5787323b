"""Downloading a named data set from the Hugging Face Hub, at a fixed revision.

The revisions are full commit hashes, so what is downloaded never changes silently. MNIST and CIFAR-10 are checked
against the SHA-256 of their shards as well. Imagenette is taken in its 320-pixel version by a pattern, as the names of
its shards are not known here; nothing else is assumed. Only this file knows `huggingface_hub`, and imports it when it
downloads.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from epochal.core.durable import disk_fault, write_json
from epochal.core.fault import Fault, InputFault, printable


@dataclass(frozen=True)
class HubFiles:
    """Files of a data set on the Hub.

    Attributes:
        repository: owner and name.
        revision: the commit, in full.
        patterns: which files.
        sha256: for files whose content is known, their hash.
    """

    repository: str
    revision: str
    patterns: tuple[str, ...]
    sha256: dict[str, str] = field(default_factory=dict)


MNIST = HubFiles(
    "ylecun/mnist",
    "77f3279092a1c1579b2250db8eafed0ad422088c",
    ("mnist/*.parquet",),
    {
        "mnist/train-00000-of-00001.parquet": "f2c01285a9f89399335b00ee4e8d499dc4e46db5e39c74903ce5618d895eb3bf",
        "mnist/test-00000-of-00001.parquet": "d49fcf556ce25b002b302e318ce4a11098bbfe5d4499c3f35d7c72297c52374b",
    },
)
FASHION_MNIST = HubFiles(
    "zalando-datasets/fashion_mnist", "531be5e2ccc9dba0c201ad3ae567a4f3d16ecdd2", ("fashion_mnist/*.parquet",)
)
CIFAR10 = HubFiles(
    "uoft-cs/cifar10",
    "0b2714987fa478483af9968de7c934580d0bb9a2",
    ("plain_text/*.parquet",),
    {
        "plain_text/train-00000-of-00001.parquet": "8428b53a88a11ac374111006708df51469e315a22ac6d66470afd9c78d2ae883",
        "plain_text/test-00000-of-00001.parquet": "841389e6f2d64f28bf17310e430aebac20ec3ba611a3c5e231dc93c645ce84de",
    },
)
IMAGENETTE = HubFiles(
    "frgfm/imagenette",
    "4b23ffb92a8029db9958bdfdbd6978427d09b1a0",
    ("320px/train-*.parquet", "320px/validation-*.parquet"),
)


def fetch(name: str, files: HubFiles, folder: Path, looked_for: tuple[Path, ...], *, offline: bool = False) -> Path:
    """Download the files into the folder, check them, and only then let the folder be found.

    Args:
        name: what the data set is called here.
        files: which files.
        folder: where they shall lie.
        looked_for: where the set was looked for before, to be told if it cannot be downloaded.
        offline: refuse to download, as `HF_HUB_OFFLINE=1` does.

    Raises:
        InputFault: the set is not here and cannot be downloaded, or what came is not what was expected.
        DiskFault: the folder cannot be written to.
    """
    if offline or os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        raise _absent(name, files, looked_for, "downloading is switched off (--offline or HF_HUB_OFFLINE)")
    # Not visible under its final name until it is whole.
    partial = folder.with_name(f".{folder.name}.partial")
    try:
        partial.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_fault(error, partial) from error
    try:
        _download(files, partial)
    except Fault:
        raise
    # The client raises its own errors, those of its HTTP library, and plain OSError.
    except Exception as error:
        reason = printable(str(error).splitlines()[0]) if str(error) else type(error).__name__
        raise _absent(name, files, looked_for, f"the download failed: {reason}") from None
    _verify(files, partial)
    write_json(partial / "origin.json", {"repository": files.repository, "revision": files.revision})
    try:
        partial.rename(folder)
    except OSError as error:
        raise disk_fault(error, folder) from error
    return folder


def _download(files: HubFiles, folder: Path) -> None:
    import huggingface_hub

    huggingface_hub.snapshot_download(
        files.repository,
        repo_type="dataset",
        revision=files.revision,
        allow_patterns=list(files.patterns),
        local_dir=folder,
    )


def _verify(files: HubFiles, folder: Path) -> None:
    for pattern in files.patterns:
        if not any(folder.glob(pattern)):
            raise InputFault(
                f"{files.repository} at {files.revision[:12]} has no file {pattern}",
                expected="the layout this version of epochal was written for",
                remedy="tell the authors; until then put the data into $EPOCHAL_DATA yourself",
            )
    for path, wanted in files.sha256.items():
        with open(folder / path, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != wanted:
            (folder / path).unlink()
            raise InputFault(
                f"{printable(str(folder / path))} was damaged on the way and was removed (SHA-256 {found})",
                expected=f"SHA-256 {wanted}",
                remedy="run the command again",
            )


def _absent(name: str, files: HubFiles, looked_for: tuple[Path, ...], reason: str) -> InputFault:
    places = " and ".join(printable(str(place)) for place in looked_for)
    return InputFault(
        f"the data set {name} is not on this machine, and {reason}",
        expected=f"it in {places}",
        remedy=f"run once with a network, or put the files of huggingface.co/datasets/{files.repository} there, "
        "or set EPOCHAL_DATA to the folder that holds it; `digits` needs no download",
    )
