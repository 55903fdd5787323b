"""Processes that train together make the update of one process, agree, and learn of each other's faults."""

from __future__ import annotations

import os
import signal
import time
from itertools import islice
from typing import Any

import pytest
import torch
from tests.processes import in_processes
from tests.tiny import TINY

from epochal.core.fault import InputFault, MemoryFault
from epochal.data.source import open_data
from epochal.engine.checkpoint import Snapshot, fingerprint
from epochal.engine.distributed import together
from epochal.engine.group import ALONE, Group
from epochal.engine.interrupt import EvaluationInterrupted, Stop
from epochal.engine.supervised import Supervised
from epochal.landmarks.alexnet.recipe import SMOKE, AlexNetRecipe
from epochal.landmarks.alexnet.train import task

STEPS = 20

# Rates at which a rounding error does not grow within the steps that are compared.
RECIPES = {
    "smoke": SMOKE.replace(dropout=False),
    "mixed, normalised over the batch, with shortcuts": TINY.replace(
        network="modern",
        dropout=False,
        batch_norm=True,
        residual=True,
        mixup=0.3,
        cutmix=0.5,
        label_smoothing=0.1,
        lr=0.001,
    ),
    "adamw": TINY.replace(dropout=False, optimizer="adamw", lr=0.001),
}


def trained(recipe: AlexNetRecipe, group: Group, steps: int, micro_batches: int = 1) -> tuple[list[float], dict, str]:
    """The losses of the first steps, what is measured then, and a fingerprint of the state."""
    made = task(
        recipe,
        open_data("digits"),
        seed=2,
        device=torch.device("cpu"),
        micro_batches=micro_batches,
        group=group,
    )
    losses = [float(made.step(number, batch)["loss"]) for number, batch in enumerate(islice(made.batches(0), steps))]
    return losses, made.evaluate(), fingerprint(made.state())


def train_here(recipe: AlexNetRecipe, steps: int, micro_batches: int = 1) -> tuple[list[float], dict, str, list[int]]:
    with together() as group:
        result = trained(recipe, group, steps, micro_batches)
    return *result, torch.get_rng_state().tolist()


def of_all(answers: list[Any]) -> list[Any]:
    assert [one.fault for one in answers] == [""] * len(answers)
    return [one.value for one in answers]


@pytest.mark.parametrize("name", RECIPES)
def test_two_processes_have_the_losses_of_one_with_the_same_batches(name: str) -> None:
    losses, metrics, _ = trained(RECIPES[name], ALONE, STEPS)
    first, second = of_all(in_processes(2, train_here, RECIPES[name], STEPS))
    assert first[0] == pytest.approx(losses, abs=1e-5)
    assert first[1] == pytest.approx(metrics, abs=1e-5)
    assert first[:3] == second[:3], "all processes know the same and have the same weights, to the bit"
    assert losses[-1] != losses[0]


def test_two_processes_are_two_micro_batches_to_the_bit() -> None:
    """What rounding does to a longer curve is the order of the sums' doing, and nothing else's."""
    recipe = TINY.replace(dropout=False)
    expected = trained(recipe, ALONE, 40, micro_batches=2)
    (first, _) = of_all(in_processes(2, train_here, recipe, 40))
    assert first[0] == expected[0]
    assert first[2] == expected[2]


def test_parts_of_unequal_size_and_micro_batches_make_the_same_update() -> None:
    recipe = TINY.replace(dropout=False, batch_size=47)
    losses, metrics, _ = trained(recipe, ALONE, STEPS)
    for answer in of_all(in_processes(3, train_here, recipe, STEPS, 2)):
        assert answer[0] == pytest.approx(losses, abs=1e-5)
        assert answer[1] == pytest.approx(metrics, abs=1e-5)


def test_each_process_drops_units_of_its_own_and_all_have_the_same_weights() -> None:
    first, second = of_all(in_processes(2, train_here, TINY, 3))
    assert first[2] == second[2]
    assert first[3] != second[3], "their generators are in different states"
    assert first[0] != trained(TINY, ALONE, 3)[0]


def exchange() -> dict[str, Any]:
    """Every kind of message once."""
    with together() as group:
        mine = Snapshot(
            {
                "bits": torch.tensor([1, 2, 255 - group.rank], dtype=torch.uint8),
                "half": torch.full((2, 3), 0.5 + group.rank, dtype=torch.bfloat16),
                "count": torch.tensor(7 + group.rank),
                "nothing": torch.zeros(0, 4),
            },
            {"name": f"process {group.rank}"},
        )
        of_first = group.snapshot(mine)
        states = group.gathered(Snapshot({"bits": mine.tensors["bits"]}))
        result = {
            "place": [group.rank, group.size, group.first, group.share.number, group.share.of],
            "told": group.told({"text": f"é{group.rank}"}),
            "everyone": group.everyone(group.rank * 10),
            "agree": [group.agree(15 * group.rank, group.first), group.agree(0, False)],
            "total": [float(one) for one in group.total(torch.tensor(1.5), torch.tensor(float(group.rank)))],
            "first": {name: (str(one.dtype), one.tolist()) for name, one in of_first.tensors.items()},
            "values": of_first.values,
            "gathered": [state.tensors["bits"].tolist() for state in states],
        }
        for wanted in ("cuda:1", "mps", "abacus"):
            with pytest.raises(InputFault):
                group.device(wanted)
        return result


def test_what_one_process_says_all_of_them_hear() -> None:
    first, second = of_all(in_processes(2, exchange))
    assert first.pop("place") == [0, 2, True, 0, 2]
    assert second.pop("place") == [1, 2, False, 1, 2]
    assert first == second
    assert first == {
        "told": {"text": "é0"},
        "everyone": [0, 10],
        "agree": [(15, True), (0, False)],
        "total": [3.0, 1.0],
        "first": {
            "bits": ("torch.uint8", [1, 2, 255]),
            "half": ("torch.bfloat16", [[0.5] * 3] * 2),
            "count": ("torch.int64", 7),
            "nothing": ("torch.float32", []),
        },
        "values": {"name": "process 0"},
        "gathered": [[1, 2, 255], [1, 2, 254]],
    }


def fail(which: int, how: str) -> None:
    with together() as group:
        if group.rank == which:
            if how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            raise KeyError("a bug") if how == "bug" else MemoryFault("the memory is full", "room", "make some")
        if how == "late" and group.rank:
            time.sleep(1.0)  # the first process, which keeps what is said, has long noticed
        group.wait()


@pytest.mark.parametrize("which", [1, 2])
def test_a_fault_of_one_process_is_the_fault_of_all(which: int) -> None:
    answers = in_processes(3, fail, which, "fault")
    assert [one.exit_code for one in answers] == [4, 4, 4]
    assert answers[which].kind == "MemoryFault"
    for rank in {0, 1, 2} - {which}:
        assert answers[rank].kind == "PeerFault"
        assert answers[rank].fault == (
            f"process {which} of 3 failed: the memory is full\nexpected: room\nto do: make some"
        )


def test_who_notices_late_still_hears_whose_fault_it_was() -> None:
    first, _, late = in_processes(3, fail, 1, "late")
    assert first.fault == late.fault
    assert late.fault.startswith("process 1 of 3 failed: the memory is full")


def test_a_bug_in_one_process_is_told_by_the_first() -> None:
    first, second = in_processes(2, fail, 1, "bug")
    assert (second.kind, first.kind, first.exit_code) == ("KeyError", "PeerFault", 1)
    assert first.fault == "process 1 of 2 failed: KeyError: 'a bug'"


def test_a_process_that_was_killed_is_missed_at_once() -> None:
    first, second = in_processes(2, fail, 1, "killed")
    assert second.kind == "killed"
    assert first.kind == "PeerFault"
    assert "another of the 2 processes is gone" in first.fault
    assert "epochal resume" in first.fault


def evaluate_with_a_signal() -> int:
    """A signal comes to the second process while it looks at its second part."""
    made = []
    with together() as group:
        stop = Stop(patient=True)
        group.heed(stop)

        def parts():
            for number in range(3):
                if group.rank == 1 and number == 1:
                    stop.handle(signal.SIGTERM, None)
                made.append(number)
                yield torch.tensor([number * 2 + group.rank]), torch.ones(1, 4)

        try:
            group.assembled(torch.zeros(6, 4), parts())
        except EvaluationInterrupted:
            return len(made)
    raise AssertionError("not broken off")


def test_an_evaluation_that_a_signal_breaks_off_in_one_process_is_broken_off_in_all() -> None:
    assert of_all(in_processes(2, evaluate_with_a_signal)) == [3, 2]


def test_a_patient_process_takes_a_second_signal_for_the_first_one() -> None:
    """A scheduler signals torchrun and the processes, and torchrun passes its signal on."""
    stop = Stop(patient=True)
    with stop.evaluation():
        stop.handle(signal.SIGTERM, None)
        stop.handle(signal.SIGTERM, None)
    assert stop.signal_number == signal.SIGTERM


def bad_picture(layer: bool) -> str:
    with together() as group:
        made: Supervised = task(
            TINY.replace(dropout=False),
            open_data("digits"),
            seed=2,
            device=torch.device("cpu"),
            group=group,
        )
        if group.rank == 1:
            whole = made.feed.batches

            def spoiled(start: int, stop: int):
                for batch in whole(start, stop):
                    batch.images[0] = 3e38 if layer else float("nan")
                    yield batch

            made.feed.batches = spoiled
        made.step(0, next(made.batches(0)))
        trouble = made.trouble()
        assert trouble is not None
        return f"{trouble.what} {next(made.batches(0)).index[0]}"


@pytest.mark.parametrize("layer", [False, True])
def test_a_bad_picture_of_one_process_is_named_by_all(layer: bool) -> None:
    first, second = of_all(in_processes(2, bad_picture, layer))
    (told, _), (same, index) = first.rsplit(" ", 1), second.rsplit(" ", 1)
    assert told == same
    assert ("the output of layer" if layer else "the batch of pictures") in told
    assert f"train#{index}," in told, "the samples of the process that has it"


def too_many() -> None:
    with together() as group:
        trained(TINY.replace(batch_size=1), group, 1)


def test_more_processes_than_pictures_in_a_batch_are_refused() -> None:
    for answer in in_processes(2, too_many):
        assert answer.kind == "InputFault"
        assert "cannot be shared out to 2 processes" in answer.fault


def test_without_torchrun_a_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with together() as group:
        assert group is ALONE
    for name in ("RANK", "LOCAL_RANK"):
        monkeypatch.setenv(name, "0")
    for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("MASTER_ADDR", "localhost")
    monkeypatch.setenv("MASTER_PORT", "1")
    with together() as group:
        assert group is ALONE, "one process has nobody to talk to"
