"""A corpus: a text as numbers, each word replaced by the number of its type, in a file that is mapped into memory.

The file lies in the cache folder under a name made of a digest, so that the next training finds it; it is whole or not
there. What a vocabulary keeps is decided afterwards, by a table from these numbers to rows.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import mmap
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int32, Int64

from epochal.core.durable import disk_fault, flush_file, flush_folder
from epochal.core.fault import InputFault, printable
from epochal.core.report import Report, silent
from epochal.data.source import cache_folder

END = 0  # the number of the end of a line
FORMAT = 2
_TOKENS, _TYPES, _LIST = "tokens.bin", "types.json", "files.json"


@dataclass(frozen=True)
class Corpus:
    """A numbered text.

    Attributes:
        tokens: the number of each word's type, `END` where a line ends; mapped from the disk.
        types: the words by their numbers.
        counts: how often each occurs.
        digest: tells this corpus from all others.
    """

    tokens: Int32[np.ndarray, " N"]
    types: tuple[str, ...]
    counts: Int64[np.ndarray, " T"]
    digest: str

    @property
    def words(self) -> int:
        """How many words the text has."""
        return int(self.counts.sum() - self.counts[END])


def let_go(tokens: Int32[np.ndarray, " N"]) -> None:
    """Give back the memory of those tokens that were read: a text larger than the memory is gone through in little.

    They stay in the system's cache as long as it has room, and are read again from the disk after that.
    """
    if isinstance(tokens.base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        tokens.base.madvise(mmap.MADV_DONTNEED)


# The numbers of a part of the text, all words by number so far, and their counts so far.
Part = tuple[Int32[np.ndarray, " n"], Sequence[bytes], Int64[np.ndarray, " T"]]


def cached(
    digest: str, make: Callable[[], Iterator[Part]], empty: InputFault, what: str = "the words", report: Report = silent
) -> Corpus:
    """A corpus from the cache; made and written first, if it is not there, or not as it was written.

    Args:
        digest: what it is called there.
        make: gives the numbers part by part; called if it is not there.
        empty: what to raise if it has no words.
        what: what is numbered, for the report.
        report: is told how it goes.

    Raises:
        InputFault: the text has no words.
        DiskFault: the cache folder cannot be written to.
    """
    folder = cache_folder() / "corpora" / digest[:32]
    if (found := _opened(folder, digest)) is not None:
        return found
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder, report):
            if (found := _opened(folder, digest)) is not None:  # another process was faster
                return found
            if folder.exists():
                report({"kind": "note", "text": f"{folder} is damaged or incomplete: made anew"})
                shutil.rmtree(folder)
            report({"kind": "note", "text": f"numbering {printable(what)}: once for this text, then kept in {folder}"})
            partial.mkdir()
            _write(partial, make(), empty)
            _put(partial, folder)
    except OSError as error:
        raise disk_fault(error, partial) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    found = _opened(folder, digest)
    if found is None:
        raise disk_fault(OSError(f"what was written to {folder} is not what can be read"), folder)
    return found


@contextmanager
def _alone(folder: Path, report: Report) -> Iterator[None]:
    """Only one process at a time makes a corpus; what a killed one has left is removed."""
    with open(folder.with_name(f".{folder.name}.lock"), "wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report({"kind": "note", "text": "another process is numbering the same text: waiting for it"})
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError:  # a disk without locks: then both make it, and the first one's counts
            yield
            return
        for left in folder.parent.glob(f".{folder.name}.*.partial"):
            shutil.rmtree(left, ignore_errors=True)
        yield


def _put(partial: Path, folder: Path) -> None:
    try:
        os.rename(partial, folder)
    except OSError:
        if not (folder / _LIST).is_file():  # another process was faster, where locks do not hold
            raise
    flush_folder(folder.parent)


def _opened(folder: Path, digest: str) -> Corpus | None:
    """The corpus in a folder; None if there is none, or it is not as it was written."""
    try:
        listed = json.loads((folder / _LIST).read_text(encoding="utf-8"))
        for name in (_TOKENS, _TYPES):
            with open(folder / name, "rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != listed["sha256"][name]:
                    return None
        stored = json.loads((folder / _TYPES).read_text(encoding="utf-8"))
        tokens = np.memmap(folder / _TOKENS, dtype="<i4", mode="r")
        if len(tokens) != listed["tokens"] or listed["format"] != FORMAT:
            return None
        return Corpus(tokens, tuple(stored["words"]), np.array(stored["counts"], np.int64), digest)
    except (OSError, LookupError, TypeError, ValueError, RecursionError):
        return None


def _write(folder: Path, parts: Iterator[Part], empty: InputFault) -> None:
    last: Part | None = None
    state, count = hashlib.sha256(), 0
    with open(folder / _TOKENS, "wb") as file:
        for last in parts:
            content = last[0].astype("<i4", copy=False).tobytes()
            state.update(content)
            count += len(last[0])
            file.write(content)
    _, words, counts = last or (None, [], np.zeros(1, np.int64))
    if not (counts[END + 1 :] > 0).any():
        raise empty
    types = json.dumps({"words": [word.decode("utf-8") for word in words], "counts": counts.tolist()}).encode()
    (folder / _TYPES).write_bytes(types)
    digests = {_TOKENS: state.hexdigest(), _TYPES: hashlib.sha256(types).hexdigest()}
    for name in digests:
        flush_file(folder / name)
    (folder / _LIST).write_text(json.dumps({"format": FORMAT, "tokens": count, "sha256": digests}), encoding="utf-8")
    flush_file(folder / _LIST)
    flush_folder(folder)
