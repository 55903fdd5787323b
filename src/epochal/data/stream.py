"""Batches of framed pictures, decoded by worker processes, in the order of a plan.

The same bits for any number of workers: a sample's crop is a function of (seed, epoch, index), the workers answer in
the order of the plan, and torch's global random state is neither read nor moved. The plan is read ahead by a few
batches for each worker.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from epochal.core.fault import Fault, InputFault, MemoryFault
from epochal.data.frame import Frame
from epochal.data.images import Pictures, Split
from epochal.data.keyed import uniform

# Keeps the numbers for framing apart from those for other uses of the same (seed, epoch, index).
FRAMING = 0xF7A3E

MOST_BYTES = 8 << 30

_CHUNK = 256
# macOS cannot tell who sent a signal; there a SIGTERM to the whole group ends the workers too.
_SIGNALS = (signal.SIGINT, signal.SIGTERM) if hasattr(signal, "sigtimedwait") else (signal.SIGINT,)

Step = tuple[int, Int64[np.ndarray, " _"]]


def stream(
    split: Split, frame: Frame, plan: Iterable[Step], *, seed: int, workers: int, pin: bool = False
) -> Iterator[UInt8[Tensor, "_ S S 3"]]:
    """Framed pictures, a batch for each step of the plan.

    Args:
        split: where the pictures come from.
        frame: which part of each picture is taken.
        plan: for each batch the epoch and the places of its samples.
        seed: the run's seed.
        workers: how many processes decode; 0 decodes in this one.
        pin: put the batches into page-locked memory, for faster copies to a GPU; without a GPU it is ignored.

    Raises:
        InputFault: a picture cannot be decoded; the file is named.
        MemoryFault: a worker was killed, most likely because memory ran out.
    """
    batches = _Batches(split, frame, seed)
    pin = pin and torch.cuda.is_available()
    if workers == 0:
        for step in plan:
            batch = batches.made(step)
            yield batch.pin_memory() if pin else batch
        return
    answers = _begun(batches, plan, workers, pin)
    try:
        while (answer := _next(answers)) is not None:
            if isinstance(answer, Fault):
                raise answer
            yield answer
    finally:
        # The workers end when the last reference goes: here, and not whenever the garbage is collected.
        del answers


def materialise(
    split: Split, frame: Frame, *, workers: int = 0, most_bytes: int = MOST_BYTES
) -> UInt8[Tensor, "N S S 3"]:
    """Every picture of the split, framed, in one tensor.

    Args:
        split: where the pictures come from.
        frame: which part of each is taken; one without chance.
        workers: how many processes decode.
        most_bytes: the most memory the tensor may take.

    Raises:
        InputFault: the tensor would be larger, the frame needs chance, or a picture cannot be decoded.
    """
    if frame.draws:
        raise InputFault("a random crop cannot be kept in memory", expected="a frame without chance: CentreSquare")
    size = len(split) * frame.size * frame.size * 3
    if size > most_bytes:
        raise InputFault(
            f"{len(split):,} pictures of {frame.size} x {frame.size} take {size / 2**30:.1f} GiB",
            expected=f"at most {most_bytes / 2**30:.1f} GiB to be kept in memory",
            remedy="stream them from the disk, or take a smaller size",
        )
    if isinstance(split, Pictures) and split.pixels.shape[1:3] == (frame.size, frame.size):
        pixels = torch.from_numpy(np.ascontiguousarray(split.pixels))
        return pixels.expand(-1, -1, -1, 3).contiguous()
    pictures = torch.empty(len(split), frame.size, frame.size, 3, dtype=torch.uint8)
    plan = [(0, places) for places in np.split(np.arange(len(split)), range(_CHUNK, len(split), _CHUNK))]
    position = 0
    for batch in stream(split, frame, plan, seed=0, workers=workers):
        pictures[position : position + len(batch)] = batch
        position += len(batch)
    return pictures


@dataclass(frozen=True)
class _Batches(Dataset[Any]):
    """What a worker holds: an answer for each step of the plan, as torch's loader asks for it."""

    split: Split
    frame: Frame
    seed: int

    def made(self, step: Step) -> UInt8[Tensor, "B S S 3"]:
        epoch, places = step
        size, draws = self.frame.size, self.frame.draws
        numbers = (
            uniform(self.seed, epoch, torch.from_numpy(places), draws, FRAMING).tolist()
            if draws
            else [()] * len(places)
        )
        batch = torch.empty(len(places), size, size, 3, dtype=torch.uint8)
        pixels = batch.numpy()
        for place, (index, chance) in enumerate(zip(places.tolist(), numbers, strict=True)):
            pixels[place] = self.split.framed(index, self.frame, chance)
        return batch

    def __getitem__(self, step: Step) -> Tensor | Fault:
        try:
            return self.made(step)
        # Raised here, torch would bury it in a text with a traceback; handed over, the parent raises it as it is.
        except Fault as fault:
            return fault


def _begun(batches: _Batches, plan: Iterable[Step], workers: int, pin: bool) -> Iterator[Tensor | Fault]:
    """Start the workers with the signals blocked, so that no moment is left in which one could end them.

    A Ctrl-C or a SIGTERM goes to the whole group of processes, but it is the parent that saves, and it needs its
    workers for that step. A signal that comes meanwhile reaches the parent afterwards.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    child_handler = signal.getsignal(signal.SIGCHLD)
    try:
        with warnings.catch_warnings():
            # More workers than cores is the user's choice; forking is what every loader does on Linux.
            warnings.filterwarnings("ignore", "This DataLoader will create", UserWarning)
            warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)
            loader: DataLoader = DataLoader(
                batches,
                sampler=plan,
                batch_size=None,
                num_workers=workers,
                pin_memory=pin,
                worker_init_fn=_Settled(os.getpid()),
                # A worker must be this process's own child, to know when it is gone: not a fork server's.
                multiprocessing_context="fork" if sys.platform.startswith("linux") else "spawn",
                # Without its own, the loader would draw from torch's global generator.
                generator=torch.Generator().manual_seed(0),
            )
            return iter(loader)
    finally:
        # When a worker is killed, torch would raise from a signal handler, in the middle of whatever runs. Without the
        # handler the loader notices within five seconds, and tells where its answer is asked for.
        if signal.getsignal(signal.SIGCHLD) is not child_handler:
            signal.signal(signal.SIGCHLD, child_handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _next(answers: Iterator[Tensor | Fault]) -> Tensor | Fault | None:
    """The next answer; None after the last."""
    try:
        return next(answers, None)
    except (RuntimeError, EOFError, ConnectionError, FileNotFoundError) as error:
        # What a worker's own code raises comes with its traceback. A worker's sudden end is told by the loader, or is
        # a broken connection to it.
        if "Traceback" in str(error) or (isinstance(error, RuntimeError) and "DataLoader worker" not in str(error)):
            raise
    raise MemoryFault(
        "a process that loads pictures was killed; most likely the memory was full",
        remedy="use fewer workers (--workers 0 needs the least)",
    )


@dataclass(frozen=True)
class _Settled:
    """Runs first in each worker: signals are the parent's business, and without a parent there is no business."""

    parent: int

    def __call__(self, worker: int) -> None:
        torch.set_num_threads(1)
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        threading.Thread(target=self._leave_with_parent, daemon=True).start()

    def _leave_with_parent(self) -> None:
        """End at once when the parent is gone (kill -9), or when it is the parent who sends SIGTERM (at its exit)."""
        while os.getppid() == self.parent:
            if signal.SIGTERM not in _SIGNALS:
                time.sleep(1.0)
                continue
            sent = signal.sigtimedwait((signal.SIGTERM,), 1.0)
            if sent is not None and sent.si_pid == self.parent:
                break
        os._exit(0)
