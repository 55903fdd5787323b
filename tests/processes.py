"""Several processes that train together, as torchrun starts them, but forked from one that has torch loaded already."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import socket
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from epochal.core.fault import Fault


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        value: what its function returned.
        fault: what it raised, as text; empty if nothing.
        kind: the name of its type.
        exit_code: that of a fault; None if it raised none.
    """

    value: Any = None
    fault: str = ""
    kind: str = ""
    exit_code: int | None = None


def in_processes(size: int, function: Callable[..., Any], *arguments: Any) -> list[Ended]:
    """Call a function of a module in each of `size` processes; a process that was killed has no answer."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["tests.tiny", "epochal.verbs.resume", "epochal.landmarks.alexnet.train", "sklearn.datasets"]
    )
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
    started = []
    for rank in range(size):
        told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size}
        environment = {name: str(value) for name, value in told.items()}
        environment |= {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_answer, args=(theirs, environment, os.getcwd(), function, arguments))
        process.start()
        theirs.close()
        started.append((process, ours))
    answers = []
    for process, ours in started:
        try:
            answers.append(pickle.loads(ours.recv_bytes()))
        except EOFError:
            answers.append(Ended(kind="killed"))
        process.join()
    return answers


def _answer(
    answer: Connection, environment: dict[str, str], folder: str, function: Callable[..., Any], arguments: Any
) -> None:
    os.environ.update(environment)
    os.chdir(folder)
    try:
        ended = Ended(function(*arguments))
    except BaseException as error:
        code = error.exit_code if isinstance(error, Fault) else None
        ended = Ended(fault=str(error), kind=type(error).__name__, exit_code=code)
    answer.send_bytes(pickle.dumps(ended))
