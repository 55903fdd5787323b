import numpy as np

from epochal.data.holdout import held_out_part


def test_every_fifth_of_each_class_is_held_out():
    part = held_out_part(np.array([0] * 10 + [1] * 11))
    assert np.flatnonzero(part).tolist() == [4, 9, 14, 19]


def test_the_order_of_the_classes_does_not_matter():
    labels = np.array([0, 1] * 10)
    assert np.flatnonzero(held_out_part(labels)).tolist() == [8, 9, 18, 19]


def test_a_small_class_gives_its_last_and_a_single_picture_stays():
    assert held_out_part(np.array([0, 0, 1, 2, 2, 2])).tolist() == [False, True, False, False, False, True]
