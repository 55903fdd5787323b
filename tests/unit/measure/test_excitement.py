"""The pictures that excite units most, against sorting all of them at once."""

import pytest
import torch

from epochal.measure.excitement import Excitement, excitement


def streamed(maps: torch.Tensor, batch: int, best: int) -> Excitement:
    found = None
    for places in torch.arange(len(maps)).split(batch):
        part = excitement(maps[places], places, best)
        found = part if found is None else found.merged(part, best)
    return found


@pytest.mark.parametrize("batch", [1, 3, 7, 40])
def test_the_best_of_a_stream_are_the_best_of_all(batch: int) -> None:
    maps = torch.randn(40, 5, 6, 4, generator=torch.Generator().manual_seed(0))
    found = streamed(maps, batch, best=9)
    strongest = maps.flatten(2).max(2).values
    for unit in range(5):
        order = strongest[:, unit].argsort(descending=True)[:9]
        assert found.pictures[unit].tolist() == order.tolist()
        assert torch.equal(found.values[unit], strongest[order, unit])
        there = maps[found.pictures[unit], unit, found.rows[unit], found.columns[unit]]
        assert torch.equal(there, found.values[unit]), "the place is where the answer was given"
    assert found.seen == 40
    assert torch.allclose(found.total, strongest.double().sum(0))
    assert torch.allclose(found.squares, strongest.double().square().sum(0))


def test_a_picture_stands_at_most_once_with_a_unit() -> None:
    maps = torch.zeros(3, 1, 2, 2)
    maps[1] = 5.0
    assert sorted(streamed(maps, 2, best=9).pictures[0].tolist()) == [0, 1, 2]


def test_of_equal_answers_the_first_picture_comes_first() -> None:
    for batch in (1, 2, 10):
        assert streamed(torch.ones(10, 2, 3, 3), batch, best=4).pictures.tolist() == [[0, 1, 2, 3]] * 2


def test_memory_does_not_grow_with_the_pictures() -> None:
    assert streamed(torch.randn(500, 3, 2, 2), 50, best=9).values.shape == (3, 9)


def made(pictures: list[list[int]], values: list[float], mean: list[float], deviation: list[float]) -> Excitement:
    units, best = len(pictures), len(pictures[0])
    level = torch.tensor(mean, dtype=torch.float64)
    spread = torch.tensor(deviation, dtype=torch.float64)
    zeros = torch.zeros(units, best, dtype=torch.int64)
    return Excitement(
        values=torch.tensor(values)[:, None].expand(units, best),
        pictures=torch.tensor(pictures),
        rows=zeros,
        columns=zeros,
        seen=100,
        total=100 * level,
        squares=100 * (spread**2 + level**2),
    )


def test_shown_are_units_whose_best_answers_stand_out() -> None:
    apart = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]
    #        4 deviations, 1, 8, never above 0
    found = made(apart, [5.0, 20.0, 9.0, 0.0], [1.0, 10.0, 1.0, -3.0], [1.0, 10.0, 1.0, 0.01])
    assert found.standing_out(2) == [0, 2]
    assert found.standing_out(9) == [0, 1, 2], "a unit that never answers is not shown"
    assert found.silent == 1


def test_units_excited_by_the_same_pictures_give_way_to_others() -> None:
    alike = [[1, 2, 3, 4], [4, 3, 2, 9], [5, 6, 7, 8]]
    found = made(alike, [9.0, 8.0, 7.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0])
    assert found.standing_out(2) == [0, 2]
    assert found.standing_out(3) == [0, 1, 2], "where there are no more to choose from they are shown"


def test_a_layer_that_never_answers_has_nothing_to_show() -> None:
    found = excitement(torch.zeros(4, 3, 2, 2), torch.arange(4), best=9)
    assert found.standing_out(5) == []
    assert found.silent == 3
