"""The processes that train together: what a training asks of them. A training of one asks a group of one.

Every answer of a group of one costs nothing, so that the loop and the tasks need no second way for it. The group of
several processes is in `distributed`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from epochal.core.fault import Fault
from epochal.data.sampler import Share
from epochal.engine.checkpoint import Snapshot
from epochal.engine.device import choose_device
from epochal.engine.interrupt import Stop


class Group:
    """The processes of a training. This one is alone; `together` gives the group that torchrun started.

    Attributes:
        rank: this process's number.
        size: how many processes there are.
        local_rank: this process's number on its machine.
        here: how many of them are on this machine.
    """

    rank, size, local_rank, here = 0, 1, 0, 1

    @property
    def first(self) -> bool:
        """True for the one process that writes and speaks."""
        return self.rank == 0

    @property
    def share(self) -> Share:
        """This process's share of the work."""
        return Share(self.rank, self.size)

    def device(self, wanted: str) -> torch.device:
        """The device of this process.

        Raises:
            InputFault: it is not there, or cannot be shared.
        """
        return choose_device(wanted)

    def replica(self, model: nn.Module) -> nn.Module:
        """The network to run forward in training: its gradients are averaged over the processes."""
        return model

    def gathering(self, replica: nn.Module) -> AbstractContextManager[None]:
        """While this is entered, gradients are added up here and not yet averaged."""
        return nullcontext()

    def total(self, *values: Tensor) -> tuple[Tensor, ...]:
        """The sums of numbers over the processes, on each of them."""
        return values

    def agree(self, number: int, save: bool) -> tuple[int, bool]:
        """The largest number of a signal that any process got, and whether any wants to save."""
        return number, save

    def told(self, value: Any, by: int = 0) -> Any:
        """One process's value (something that JSON can hold), on each of them."""
        return value

    def everyone(self, value: Any) -> list[Any]:
        """What each process says, on each of them."""
        return [value]

    def snapshot(self, snapshot: Snapshot) -> Snapshot:
        """The first process's snapshot, on each of them; what the others give is not looked at."""
        return snapshot

    def gathered(self, snapshot: Snapshot) -> list[Snapshot]:
        """Every process's snapshot of a few small tensors, of the same names, kinds and shapes in each."""
        return [snapshot]

    def wait(self) -> None:
        """Wait until all processes are here."""

    def heed(self, stop: Stop) -> None:
        """Let this process's signals break off an evaluation of all."""

    def assembled(self, table: Tensor, parts: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
        """A table from the rows that the processes make.

        Args:
            table: zeros, on the device of this process.
            parts: this process's parts, made one after another: which rows, and their values.

        Raises:
            EvaluationInterrupted: a signal came to any of the processes.
        """
        for places, rows in parts:
            table[places] = rows
        return table

    @contextmanager
    def sharing_faults(self) -> Iterator[None]:
        """Tell the others of a fault of this process, and what goes wrong for want of another as its fault.

        Raises:
            PeerFault: another process failed.
        """
        yield


ALONE = Group()


class PeerFault(Fault):
    """Another process of the same training failed; the exit code is that of its fault."""

    def __init__(self, what: str, expected: str = "", remedy: str = "", exit_code: int = 1) -> None:
        super().__init__(what, expected, remedy)
        self.exit_code = exit_code
