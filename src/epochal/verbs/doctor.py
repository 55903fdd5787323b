"""Is everything here that a training needs?"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch

from epochal.core.durable import write_text
from epochal.core.fault import DiskFault
from epochal.data.source import known_sets
from epochal.engine.device import choose_device, choose_precision
from epochal.verbs.catalogue import runs_folder
from epochal.verbs.environment import environment


def doctor() -> dict[str, Any]:
    """Versions, devices, precision, disk and data: what is there, and a list of what may cause trouble."""
    device = choose_device("auto")
    runs = runs_folder()
    existing = next(folder for folder in [runs.absolute(), *runs.absolute().parents] if folder.exists())
    free = shutil.disk_usage(existing).free
    troubles = []
    if free < 2 << 30:
        troubles.append(f"only {free / 1e9:.1f} GB free where the runs go ({existing})")
    if not _writable(existing):
        troubles.append(f"{existing} cannot be written to: set EPOCHAL_RUNS to a folder that can")
    precision = choose_precision("auto", device)
    if precision == "fp32":
        troubles.append("no bfloat16 in hardware: training runs in float32, at about half the speed")
    return {
        "device": str(device),
        "precision": precision,
        **environment(device),
        "cuda_devices": [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())],
        "runs_folder": str(runs),
        "free_gigabytes": round(free / 1e9, 1),
        "data_root": os.environ.get("EPOCHAL_DATA"),
        "data_present": [known.name for known in known_sets() if known.found],
        "troubles": troubles,
    }


def _writable(folder: Path) -> bool:
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".epochal-doctor-") as scratch:
            write_text(Path(scratch) / "probe", "written")
    except (OSError, DiskFault):
        return False
    return True
