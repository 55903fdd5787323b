import subprocess
import sys

import pytest

from epochal.core.fault import InputFault
from epochal.data.source import known_sets, open_data


def test_an_unknown_name_is_told_with_the_nearest():
    with pytest.raises(InputFault, match="no data set is called 'cifar-10'") as fault:
        open_data("cifar-10")
    assert "cifar10" in fault.value.expected


@pytest.mark.parametrize("spec", ["imagefolder:", "parquet:"])
def test_a_kind_without_a_path_is_refused(spec):
    with pytest.raises(InputFault, match="names no path"):
        open_data(spec)


@pytest.mark.parametrize("spec", ["imagfolder:/photos", "", ":", "\x1b[2J", "text:/x"])
def test_nonsense_is_refused_and_safe_to_print(spec):
    with pytest.raises(InputFault) as fault:
        open_data(spec)
    assert "\x1b" not in str(fault.value)


def test_a_bare_folder_gets_the_right_advice(tmp_path):
    with pytest.raises(InputFault) as fault:
        open_data(str(tmp_path))
    assert "imagefolder:" in fault.value.remedy


def test_a_home_folder_is_understood(monkeypatch, image_folder):
    root = image_folder({"cat": 2, "dog": 2})
    monkeypatch.setenv("HOME", str(root.parent))
    assert len(open_data(f"imagefolder:~/{root.name}").train) == 2


def test_the_known_sets_are_listed_with_their_terms():
    rows = known_sets()
    assert [row.name for row in rows] == ["digits", "mnist", "fashion-mnist", "cifar10", "imagenette"]
    assert all(row.what and row.terms and row.train > row.held_out for row in rows)
    assert rows[0].found == "built in"
    digits = open_data("digits")
    assert (rows[0].train, rows[0].held_out) == (len(digits.train), len(digits.held_out))


def test_listing_the_sets_needs_no_torch():
    code = "import sys; from epochal.data.source import known_sets; known_sets(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.real_data
def test_the_sets_at_hand_are_found():
    found = {row.name for row in known_sets() if row.found}
    assert {"digits", "mnist", "fashion-mnist", "cifar10", "imagenette"} <= found
