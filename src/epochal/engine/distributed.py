"""Several processes, one training: what torchrun starts trains as one process would with the same batch.

Each process has the whole network and learns from its share of every batch; the gradients are averaged while they are
still being computed (torch's DistributedDataParallel), so every process makes the same update. Only the first one
touches the run's folder and speaks. All of them agree on when to save and stop, and one that fails says why in a place
where the others find it.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from epochal.core.fault import Fault, InputFault, Interrupted
from epochal.engine.checkpoint import Snapshot
from epochal.engine.device import choose_device
from epochal.engine.group import ALONE, Group, PeerFault
from epochal.engine.interrupt import EvaluationInterrupted, Stop
from epochal.engine.shared_norm import share_batch_norms

# How long a process waits for the others before it gives up. A process that has ended is noticed at once.
PATIENCE = timedelta(minutes=30)

# What torchrun tells every process that it starts.
_TOLD = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_FAULT = "epochal/fault"
# How many processes have said or heard it, and how many seconds the first one stays for those that have not.
_HEARD, _HEARING = "epochal/heard", 3.0
# A group that is joined a second time in one process must not find the addresses of the first time.
_joined = 0


@contextmanager
def together() -> Iterator[Group]:
    """The group that torchrun started this process in; a group of one where it did not.

    Raises:
        PeerFault: another process failed.
    """
    if not all(name in os.environ for name in _TOLD) or int(os.environ["WORLD_SIZE"]) == 1:
        yield ALONE
        return
    global _joined
    _joined += 1
    store, rank, size = next(rendezvous("env://", timeout=PATIENCE))
    store = PrefixStore(f"epochal/{_joined}", store)
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=PATIENCE)
    group = _Torchrun(store)
    try:
        with group.sharing_faults():
            yield group
            group.wait()
    except BaseException as error:
        # When the first process leaves, torchrun sends the others SIGTERM: let each tell its story before it goes.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        group.leave()
        if not isinstance(error, (Interrupted, EvaluationInterrupted)):  # of those all know
            group.be_heard()
        raise
    group.leave()


class _Torchrun(Group):
    """The processes that one or several torchruns have started for one training."""

    def __init__(self, store: Any) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self.local_rank, self.here = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])
        self._store = store
        # Messages between the processors: they must not wait for a graphics card, and notice at once who has ended.
        self._messages = dist.new_group(backend="gloo", timeout=PATIENCE)
        self._stopping: Callable[[], bool] = lambda: False

    def device(self, wanted: str) -> torch.device:
        kind, _, number = wanted.partition(":")
        if kind == "auto":
            kind = "cuda" if torch.cuda.is_available() else "cpu"
        if number or kind not in ("cpu", "cuda"):
            raise InputFault(
                f"{self.size} processes cannot train on the device {wanted!r}",
                expected="auto, cpu or cuda: each process takes a device of its own",
            )
        if kind == "cpu":
            return torch.device("cpu")
        if torch.cuda.device_count() < self.here:
            raise InputFault(
                f"{self.here} processes on a machine with {torch.cuda.device_count()} CUDA devices",
                expected="at most one process for each",
                remedy=f"torchrun --nproc_per_node {max(1, torch.cuda.device_count())} ..., or --device cpu",
            )
        torch.cuda.set_device(self.local_rank)
        return choose_device(f"cuda:{self.local_rank}")

    def replica(self, model: nn.Module) -> nn.Module:
        share_batch_norms(model, _summed)
        return DistributedDataParallel(model, gradient_as_bucket_view=True)

    def gathering(self, replica: nn.Module) -> AbstractContextManager[None]:
        assert isinstance(replica, DistributedDataParallel)
        return replica.no_sync()

    def total(self, *values: Tensor) -> tuple[Tensor, ...]:
        return _summed(torch.stack(values)).unbind()

    def agree(self, number: int, save: bool) -> tuple[int, bool]:
        message = torch.tensor([number, save], dtype=torch.int64)
        dist.all_reduce(message, dist.ReduceOp.MAX, group=self._messages)
        agreed, saved = message.tolist()
        return agreed, bool(saved)

    def told(self, value: Any, by: int = 0) -> Any:
        text = bytearray(json.dumps(value).encode())
        length = torch.tensor([len(text)])
        dist.broadcast(length, by, group=self._messages)
        message = torch.frombuffer(text if self.rank == by else bytearray(int(length)), dtype=torch.uint8)
        dist.broadcast(message, by, group=self._messages)
        return json.loads(message.numpy().tobytes())

    def everyone(self, value: Any) -> list[Any]:
        return [self.told(value, rank) for rank in range(self.size)]

    def snapshot(self, snapshot: Snapshot) -> Snapshot:
        kinds = [[name, str(one.dtype), list(one.shape)] for name, one in snapshot.tensors.items()]
        kinds, values = self.told([kinds, snapshot.values])
        tensors = {}
        for name, dtype, shape in kinds:
            tensor = torch.empty(shape, dtype=getattr(torch, dtype.removeprefix("torch.")))
            if self.first:
                tensor.copy_(snapshot.tensors[name])
            if tensor.numel():
                dist.broadcast(tensor.view(-1).view(torch.uint8), 0, group=self._messages)
            tensors[name] = tensor
        return Snapshot(tensors, values)

    def gathered(self, snapshot: Snapshot) -> list[Snapshot]:
        found: list[dict[str, Tensor]] = [{} for _ in range(self.size)]
        for name, tensor in sorted(snapshot.tensors.items()):
            copies = [torch.empty_like(tensor, device="cpu") for _ in found]
            dist.all_gather(copies, tensor.cpu(), group=self._messages)
            for tensors, copy in zip(found, copies, strict=True):
                tensors[name] = copy
        return [Snapshot(tensors) for tensors in found]

    def wait(self) -> None:
        dist.barrier(group=self._messages)

    def heed(self, stop: Stop) -> None:
        self._stopping = lambda: bool(stop)

    def assembled(self, table: Tensor, parts: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
        super().assembled(table, self._until_stopped(parts))
        if self.agree(int(self._stopping()), False)[0]:
            raise EvaluationInterrupted
        return _summed(table)  # every row is zero in all processes but one

    def _until_stopped(self, parts: Iterable[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
        for part in parts:
            if self._stopping():
                return
            yield part

    @contextmanager
    def sharing_faults(self) -> Iterator[None]:
        try:
            yield
        except (Interrupted, EvaluationInterrupted, PeerFault):
            raise  # all of them know
        except Fault as fault:
            self._tell(fault.what, fault.expected, fault.remedy, fault.exit_code)
            raise
        except RuntimeError as error:
            # A broken connection is a RuntimeError too: of the others, whoever failed has said why before it left.
            peer = self._told_fault(lost=isinstance(error, dist.DistError) or _is_of_a_connection(error))
            if peer is not None:
                raise peer from error
            self._tell(f"{type(error).__name__}: {error}")
            raise
        except BaseException as error:
            self._tell(f"{type(error).__name__}: {error}")
            raise

    def _tell(self, what: str, expected: str = "", remedy: str = "", exit_code: int = 1) -> None:
        try:
            # The first one to fail is the cause; who fails for want of it comes later.
            self._store.compare_set(_FAULT, "", json.dumps([self.rank, what, expected, remedy, exit_code]))
            self._store.add(_HEARD, 1)
        except RuntimeError:  # the place itself is gone
            return

    def _told_fault(self, lost: bool) -> PeerFault | None:
        try:
            known = self._store.check([_FAULT])
            rank, what, *rest = json.loads(self._store.get(_FAULT)) if known else (self.rank, "")
            self._store.add(_HEARD, int(known))
        except RuntimeError:
            rank, what = self.rank, ""
        if rank != self.rank:
            return PeerFault(f"process {rank} of {self.size} failed: {what}", *rest)
        if not lost:
            return None
        return PeerFault(
            f"another of the {self.size} processes is gone, or cannot be reached",
            expected="that all of them stay until the end",
            remedy="look at its own output (a process that was killed had too little memory, most often), then "
            "start `epochal resume` with the same number of processes",
        )

    def be_heard(self) -> None:
        """Stay until all have heard of a fault, or for some seconds: what is said of it is kept with the first one."""
        until = time.monotonic() + _HEARING
        try:
            if self.rank or not self._store.check([_FAULT]):
                return
            while self._store.add(_HEARD, 0) < self.size and time.monotonic() < until:
                time.sleep(0.02)
        except RuntimeError:  # the place itself is gone
            return

    def leave(self) -> None:
        """End the connections: whoever waits for this process learns at once that it is gone."""
        dist.destroy_process_group()


def _summed(values: Tensor) -> Tensor:
    dist.all_reduce(values)
    return values


def _is_of_a_connection(error: RuntimeError) -> bool:
    return any(word in str(error) for word in ("gloo", "NCCL", "onnection", "Timed out", "Broken pipe"))
