from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from epochal.engine.schedule import Cosine, Drops, Exponential, Gentle, Inverse, Linear, Plateau, Schedule, remarks


def test_drops_divide_the_rate_at_their_steps() -> None:
    schedule = Drops(0.01, (10, 20), 0.1)
    assert [schedule.lr(step) for step in (0, 9, 10, 19, 20)] == pytest.approx([0.01, 0.01, 1e-3, 1e-3, 1e-4])


def test_a_warm_up_rises_in_equal_parts_to_the_full_rate() -> None:
    schedule = Drops(0.4, warmup=4)
    assert [schedule.lr(step) for step in range(5)] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4])


def test_a_plateau_may_warm_up() -> None:
    schedule = Plateau(0.4, patience=1, warmup=4)
    assert [schedule.lr(step) for step in (0, 1, 3, 9)] == pytest.approx([0.1, 0.2, 0.4, 0.4])
    for _ in range(2):
        schedule.observe(0.5)
    assert schedule.lr(9) == pytest.approx(0.04)
    (remark,) = remarks(schedule, 2)
    assert "the warm-up would take 4 steps" in remark


def test_the_cosine_falls_from_the_base_to_nearly_nothing_and_stays_above_zero() -> None:
    schedule = Cosine(1.0, steps=100, warmup=10)
    rates = [schedule.lr(step) for step in range(100)]
    assert rates[9] == pytest.approx(1.0)
    assert all(later < earlier for earlier, later in pairwise(rates[10:]))
    assert rates[54] == pytest.approx(0.5, abs=0.02)
    assert 0 < schedule.lr(99) < 1e-3
    assert schedule.lr(10_000) > 0


def test_a_line_falls_in_equal_parts_and_stays_above_zero() -> None:
    schedule = Linear(0.4, 4)
    assert [schedule.lr(step) for step in range(4)] == pytest.approx([0.4, 0.3, 0.2, 0.1])
    assert schedule.lr(4) == schedule.lr(1000) == pytest.approx(4e-5)


def test_an_inverse_rate_is_halved_after_its_steps_and_falls_ever_more_slowly() -> None:
    schedule = Inverse(1.0, 100)
    assert [schedule.lr(step) for step in (0, 100, 300, 900)] == pytest.approx([1.0, 0.5, 0.25, 0.1])


def test_the_plateau_divides_after_patience_evaluations_without_a_better_error_and_three_times_only() -> None:
    schedule = Plateau(1.0, patience=2)
    rates = []
    for error in [0.5, 0.4, 0.4, 0.41, 0.39, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4]:
        schedule.observe(error)
        rates.append(schedule.lr(0))
    assert rates == pytest.approx([1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3])


def test_a_restored_plateau_goes_on_where_it_was() -> None:
    first, second = Plateau(1.0, patience=3), Plateau(1.0, patience=3)
    for error in (0.5, 0.6, 0.6):
        first.observe(error)
    second.restore(first.state())
    second.observe(0.6)
    assert second.lr(0) == pytest.approx(0.1)
    fresh = Plateau(1.0)
    fresh.restore(Plateau(1.0).state())
    fresh.observe(0.9)
    assert fresh.best == 0.9


def gentle(*accuracies: float) -> Gentle:
    schedule = Gentle(Drops(0.1, (50,)), rate=0.01, error=0.8)
    for accuracy in accuracies:
        schedule.saw(torch.tensor(accuracy))
    return schedule


def test_a_gentle_start_lasts_until_the_training_error_has_fallen_and_then_never_comes_back() -> None:
    schedule = gentle(*[0.1] * 200)
    assert schedule.lr(200) == 0.01, "an accuracy of 10 % is an error of 90 %"
    schedule.saw(torch.tensor(1.0))
    assert schedule.lr(201) == 0.01, "one lucky step does not end it"
    for _ in range(20):
        schedule.saw(torch.tensor(0.4))
    assert schedule.lr(20) == 0.1
    assert schedule.lr(60) == pytest.approx(0.01), "the drops are where they would be without it"
    schedule.saw(torch.tensor(0.0))
    assert schedule.lr(21) == 0.1


def test_a_gentle_start_goes_on_from_its_state() -> None:
    whole, half = gentle(*[0.3] * 30), gentle(*[0.3] * 12)
    assert half.lr(0) == 0.01
    again = Gentle(Drops(0.1), rate=0.01)
    again.restore(half.state())
    for _ in range(18):
        again.saw(torch.tensor(0.3))
    assert again.state() == whole.state()
    assert again.lr(0) == 0.1


@pytest.mark.parametrize("schedule", [Drops(0.1), Cosine(0.1, 9), Plateau(0.1)], ids=lambda one: type(one).__name__)
def test_other_schedules_do_not_care_for_the_training_error(schedule: Schedule) -> None:
    before = schedule.lr(3)
    schedule.saw(torch.tensor(0.9))
    assert schedule.lr(3) == before


def test_the_exponential_falls_at_the_nearest_step_and_a_tiny_interval_costs_nothing() -> None:
    falling = Exponential(0.5, every=2.4, factor=0.9)
    drops = Drops(0.5, tuple(round(number * 2.4) for number in range(1, 40)), factor=0.9)
    assert [falling.lr(step) for step in range(60)] == [drops.lr(step) for step in range(60)]
    assert Exponential(0.5, every=1e-6, factor=0.9).lr(10**6) == 0.0


def test_a_training_too_short_for_its_schedule_is_remarked_upon() -> None:
    (warmup,) = remarks(Cosine(0.4, steps=20, warmup=40), 20)
    assert "40 steps, and there are 20: the learning rate gets to 0.2 of 0.4" in warmup
    (drop,) = remarks(Drops(0.1, (20, 30), warmup=20), 20)
    assert "would begin at step 20, and there are 20" in drop
    assert len(list(remarks(Gentle(Drops(0.1, (30,), warmup=30), 0.01), 20))) == 2
    for schedule in (Drops(0.1), Drops(0.1, (19, 30)), Cosine(0.1, 20, 20), Plateau(0.1), Linear(0.1, 5)):
        assert not list(remarks(schedule, 20))
