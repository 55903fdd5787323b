"""Saved pictures: equal figures, equal bytes; complete or absent; faults in plain words."""

import errno
import hashlib
import io
import os
import subprocess
import sys
import threading

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from PIL import Image

from epochal.core import durable
from epochal.core.fault import DiskFault, InputFault
from epochal.view.filters import filter_grid
from epochal.view.save import png, save
from epochal.view.sheet import Sheet


def figure() -> Figure:
    return filter_grid(np.random.default_rng(0).normal(size=(12, 3, 5, 5)).astype(np.float32))


def test_the_file_is_the_canvas_and_holds_nothing_else(tmp_path, pixels):
    path = save(figure(), tmp_path / "a" / "b" / "filters.png")
    with Image.open(path) as image:
        assert image.mode == "RGB"
        assert image.info == {}
        assert np.array_equal(np.asarray(image), pixels(figure()))
    data = path.read_bytes()
    kinds = set()
    place = 8
    while place < len(data):
        kinds.add(data[place + 4 : place + 8])
        place += 12 + int.from_bytes(data[place : place + 4], "big")
    assert kinds == {b"IHDR", b"IDAT", b"IEND"}
    assert os.listdir(path.parent) == ["filters.png"]


def test_equal_figures_give_equal_bytes(tmp_path):
    one = figure()
    first = png(one)
    assert first == png(one) == png(figure())
    assert first == save(figure(), str(tmp_path / "x.PNG")).read_bytes()


def test_the_users_own_drawing_settings_change_no_byte():
    before = png(figure())
    settings = {"savefig.bbox": "tight", "savefig.dpi": 30, "savefig.facecolor": "red", "figure.autolayout": True}
    with matplotlib.rc_context({**settings, "axes.grid": True, "text.parse_math": True, "font.size": 30}):
        assert png(figure()) == before


def test_threads_draw_the_same_bytes_at_the_same_time():
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(png(figure()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert set(found) == {png(figure())}


def test_another_process_draws_the_same_bytes_without_pyplot():
    script = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
import test_save_picture
print(hashlib.sha256(test_save_picture.png(test_save_picture.figure())).hexdigest())
import epochal.view.curves, epochal.view.grid, epochal.view.layers, epochal.view.feature_maps
print("matplotlib.pyplot" in sys.modules, "torch" in sys.modules)
"""
    command = [sys.executable, "-W", "error", "-c", script, os.path.dirname(__file__)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == [hashlib.sha256(png(figure())).hexdigest(), "False", "False"]


def test_a_notebooks_own_canvas_is_left_in_place():
    one = figure()
    canvas = FigureCanvasSVG(one)
    png(one)
    assert one.canvas is canvas


def test_a_page_has_the_size_that_was_asked_for(pixels):
    for width, height in [(901, 333), (1114, 1003), (905, 5)]:
        sheet = Sheet(width, height)
        drawn = pixels(sheet.figure)
        assert drawn.shape[:2] == (sheet.height, sheet.width)
        assert 0 <= sheet.width - width < 5
        assert 0 <= sheet.height - height < 5


def test_an_old_picture_is_replaced(tmp_path):
    (tmp_path / "x.png").write_bytes(b"old")
    save(figure(), tmp_path / "x.png")
    Image.open(io.BytesIO((tmp_path / "x.png").read_bytes())).verify()


@pytest.mark.parametrize("name", ["x.jpg", "x", "x.png.txt", ".png"])
def test_another_format_is_refused(tmp_path, name):
    with pytest.raises(InputFault, match="no name for a picture"):
        save(figure(), tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_a_path_that_cannot_be_written_is_an_input_fault(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder.png").mkdir()
    for path in (
        tmp_path / "file" / "x.png",
        tmp_path / "folder.png",
        tmp_path / ("n" * 300 + ".png"),
        tmp_path / "nul\0.png",
        "/proc/nowhere/x.png",
    ):
        with pytest.raises(InputFault, match="cannot write the picture") as caught:
            save(figure(), path)
        assert "\0" not in str(caught.value)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.png"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_an_input_fault(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputFault, match="ermission"):
        save(figure(), tmp_path / "x.png")


def test_a_full_disk_is_a_disk_fault_and_the_old_picture_stays(tmp_path, monkeypatch):
    (tmp_path / "x.png").write_bytes(b"old")

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(durable.os, "fsync", full)
    with pytest.raises(DiskFault, match="no space left"):
        save(figure(), tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x.png"]
