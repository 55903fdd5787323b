"""Figures as PNG files: the pixels and nothing else, so that equal figures give equal bytes.

No date, no program name, no path is written into the file. It appears under its name complete or not at all.
"""

from __future__ import annotations

import errno
import io
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from epochal.core.durable import disk_fault, replace_file
from epochal.core.fault import InputFault, printable

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


def png(figure: Figure) -> bytes:
    """The figure as the bytes of a PNG file."""
    canvas = figure.canvas
    try:
        agg = canvas if isinstance(canvas, FigureCanvasAgg) else FigureCanvasAgg(figure)
        agg.draw()
        pixels = np.asarray(agg.buffer_rgba())[..., :3].copy()
    finally:
        figure.set_canvas(canvas)  # a notebook's own canvas stays in charge
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    return file.getvalue()


def save(figure: Figure, path: Path | str) -> Path:
    """Write the figure to `path` as a PNG, durably, making the folders it lies in; returns the path.

    Raises:
        InputFault: nothing can be written there: no permission, a folder or a file in the way, an impossible name.
        DiskFault: the disk is full or failing; a picture that was there before is as it was.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise InputFault(f"{printable(str(path))} is no name for a picture", expected="a path that ends in .png")
    content = png(figure)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        if isinstance(error, OSError) and error.errno in _FULL:
            raise disk_fault(error, path) from error
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputFault(
            f"cannot write the picture {printable(str(path))}: {reason}",
            expected="a path in a folder that can be written to",
        ) from error
    return path
