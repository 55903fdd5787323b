"""Fewer training pictures: which ones, and that they stay themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.tiny import TINY

from epochal.core.fault import InputFault
from epochal.data.digits import read_digits
from epochal.data.frame import CentreSquare
from epochal.data.images import ImageData, Pictures, Split, digest_of
from epochal.data.subset import Subset, in_memory, with_fewer
from epochal.landmarks.alexnet.train import task


def counted(per_class: tuple[int, ...]) -> ImageData:
    """Gray pictures whose every pixel is the picture's number; classes of these sizes, in order."""
    labels = np.repeat(np.arange(len(per_class)), per_class)
    pixels = np.arange(len(labels), dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 1), np.uint8)
    train = Pictures(pixels, labels, "made.bin")
    held_out = Pictures(pixels[: len(per_class)], np.arange(len(per_class)), "held.bin")
    classes = tuple(f"class {number}" for number in range(len(per_class)))
    return ImageData("made", classes, train, held_out, digest_of(train, held_out), note="made for a test")


def chosen(data: ImageData) -> list[int]:
    assert isinstance(data.train, Subset)
    return sorted(data.train.places.tolist())


@pytest.mark.parametrize(("count", "of_each"), [(30, {10}), (31, {10, 11}), (32, {10, 11}), (3, {1})])
def test_the_classes_are_as_even_as_the_count_allows(count: int, of_each: set[int]) -> None:
    few = with_fewer(counted((20, 30, 40)), count, seed=1)
    counts = np.bincount(few.train.labels, minlength=3)
    assert counts.sum() == count == len(few.train)
    assert set(counts.tolist()) == of_each


def test_a_class_that_runs_out_gives_all_it_has_and_the_others_fill_up() -> None:
    few = with_fewer(counted((4, 30, 40)), 24, seed=1)
    assert np.bincount(few.train.labels).tolist() == [4, 10, 10]


def test_the_choice_is_a_function_of_the_seed_alone() -> None:
    data = counted((50, 50))
    first = with_fewer(data, 20, seed=7)
    torch.manual_seed(0)  # the global generators have no say
    np.random.seed(0)
    again = with_fewer(data, 20, seed=7)
    assert np.array_equal(first.train.places, again.train.places)
    assert chosen(with_fewer(data, 20, seed=8)) != chosen(first)


def test_a_larger_choice_with_the_same_seed_holds_the_smaller_one() -> None:
    """So that a curve over the amount of data adds pictures and exchanges none."""
    data = counted((50, 50))
    assert set(chosen(with_fewer(data, 20, seed=7))) < set(chosen(with_fewer(data, 60, seed=7)))


def test_every_picture_is_equally_likely() -> None:
    data = counted((10, 10))
    often = np.zeros(20)
    for seed in range(200):
        often[chosen(with_fewer(data, 10, seed=seed))] += 1
    # 200 draws with a chance of one half: a standard deviation of 7.
    assert np.all(np.abs(often - 100) < 32), often


def test_asking_for_all_pictures_takes_every_one_once() -> None:
    data = counted((20, 30))
    assert chosen(with_fewer(data, 50, seed=3)) == list(range(50))


@pytest.mark.parametrize("count", [0, 1, 2, 91, 10**9])
def test_a_count_that_cannot_be_is_refused_with_the_range(count: int) -> None:
    with pytest.raises(InputFault, match=f"pictures={count} of made, which has 90") as caught:
        with_fewer(counted((20, 30, 40)), count, seed=1)
    assert caught.value.expected == "a number from 3 (one of each class) to 90"


def test_the_faults_message_is_safe_for_a_terminal() -> None:
    data = counted((5, 5))
    hostile = ImageData("imagefolder:\x1b]0;x\x07", data.classes, data.train, data.held_out, data.digest)
    with pytest.raises(InputFault) as caught:
        with_fewer(hostile, 1, seed=1)
    assert "\x1b" not in caught.value.what


def test_labels_pixels_and_names_are_those_of_the_original_pictures() -> None:
    data = counted((20, 30, 40))
    few = with_fewer(data, 12, seed=5).train
    assert isinstance(few, Split)
    frame = CentreSquare(8)
    for place in range(len(few)):
        number = int(few.picture(place)[0, 0, 0])
        assert number == few.places[place]
        assert np.array_equal(few.framed(place, frame, ()), data.train.framed(number, frame, ()))
        assert few.labels[place] == data.train.labels[number]
        assert few.where(place) == f"made.bin#{number}"


def test_the_held_out_pictures_and_the_digest_stay() -> None:
    data = counted((20, 30))
    few = with_fewer(data, 12, seed=5)
    assert few.held_out is data.held_out
    assert few.digest == data.digest
    assert few.note == "12 training pictures; made for a test"


def test_pictures_in_memory_are_known_through_a_choice_of_them() -> None:
    data = counted((20, 30))
    assert in_memory(data.train)
    assert in_memory(with_fewer(data, 12, seed=5).train)

    class OnDisk:
        def __init__(self) -> None:
            self.labels = data.train.labels

        def __len__(self) -> int:
            return len(self.labels)

        picture = framed = where = lambda self, *arguments: None

    assert not in_memory(OnDisk())
    assert not in_memory(Subset(OnDisk(), np.arange(3)))


def test_the_setting_pictures_trains_on_so_many_and_two_recipes_with_a_seed_on_the_same() -> None:
    def trained_on(seed: int, **changes: object) -> set[str]:
        made = task(TINY.replace(pictures=100, **changes), read_digits(), seed=seed, device=torch.device("cpu"))
        assert made.steps_per_epoch == 100 // TINY.batch_size
        assert len(made.feed.data.train) == 100
        return {made.feed.data.train.where(place) for place in range(100)}

    assert trained_on(2) == trained_on(2, activation="tanh", columns=1)
    assert trained_on(2) != trained_on(3)


def test_the_statistics_and_batches_are_those_of_the_chosen_pictures() -> None:
    made = task(TINY.replace(pictures=96, random_crop=False), read_digits(), seed=2, device=torch.device("cpu"))
    pictures = made.feed.data.train
    epoch = [batch for _, batch in zip(range(2), made.batches(0), strict=False)]
    labels = torch.cat([batch.labels for batch in epoch])
    index = torch.cat([batch.index for batch in epoch])
    assert sorted(index.tolist()) == list(range(96))
    assert torch.equal(labels, torch.from_numpy(pictures.labels)[index])
    frame = CentreSquare(TINY.stored_size)
    stored = np.stack([pictures.framed(place, frame, ()) for place in range(96)])
    inside = slice(TINY.padding, -TINY.padding)
    mean = made.feed.statistics.mean[inside, inside].numpy()
    assert np.allclose(mean, stored.mean(0), atol=1e-3)
