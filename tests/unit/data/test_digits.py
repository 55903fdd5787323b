import numpy as np

from epochal.data.digits import read_digits
from epochal.data.images import Split


def test_the_digits_are_all_there_and_their_split_is_fixed():
    data = read_digits()
    assert (len(data.train), len(data.held_out), data.classes) == (1442, 355, tuple("0123456789"))
    assert data.digest == "06336592071580e2e0a1ca97d19a00e252a2f3bf52b91146f835f2a72a3bf98f"
    assert isinstance(data.train, Split)


def test_ink_reaches_from_black_to_white():
    picture = read_digits().train.picture(0)
    assert picture.shape == (8, 8, 3)
    assert (picture.min(), picture.max()) == (0, 239)
    assert max(read_digits().train.picture(i).max() for i in range(20)) == 255


def test_both_parts_have_every_digit():
    data = read_digits()
    assert np.bincount(data.train.labels).min() >= 139
    assert np.bincount(data.held_out.labels).min() >= 34
