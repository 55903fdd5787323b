"""Signals: the first one asks the loop to save and stop, the second one ends the process at once.

A process among several is patient: a scheduler may signal both the launcher and the processes, so that the second
signal means what the first one did; and it breaks off an evaluation only where the others do too.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class EvaluationInterrupted(BaseException):
    """Raised inside an evaluation, which changes nothing and can be made again, so that a signal need not wait."""


class Stop:
    """What a signal asked for.

    Attributes:
        signal_number: the signal that came, or None.
        patient: a signal does nothing but ask.
    """

    def __init__(self, patient: bool = False) -> None:
        self.signal_number: int | None = None
        self.patient = patient
        self._in_evaluation = False

    def __bool__(self) -> bool:
        return self.signal_number is not None

    @contextmanager
    def evaluation(self) -> Iterator[None]:
        """While this is entered, a signal breaks off at once (unless this is patient).

        Raises:
            EvaluationInterrupted: a signal came.
        """
        self._in_evaluation = not self.patient
        try:
            if self and not self.patient:
                raise EvaluationInterrupted
            yield
        finally:
            self._in_evaluation = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Take a signal."""
        if self and not self.patient:
            # The second signal: the user will not wait. Nothing is half-written that a later run would believe.
            os._exit(128 + number)
        self.signal_number = number
        if self._in_evaluation:
            raise EvaluationInterrupted


@contextmanager
def stop_on_signals(patient: bool = False) -> Iterator[Stop]:
    """Catch SIGTERM and SIGINT while this is entered (in the main thread; elsewhere signals are left alone)."""
    stop = Stop(patient)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop.handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
