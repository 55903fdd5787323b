"""Memory that is kept instead of being given back to the system after every step.

The C library hands each block above 32 MB to the system as soon as it is freed, and the next step gets it again page by
page, each page a fault and a clearing. A network of AlexNet's size frees and takes gigabytes of such blocks in a step;
keeping them makes its step about a sixth shorter on a CPU.
"""

from __future__ import annotations

import ctypes
import sys

# From glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4


def keep_large_blocks() -> bool:
    """Ask the C library to keep freed memory for this process; False where it is not glibc and cannot be asked."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library, such as musl
        return False
    return bool(set_option(_M_MMAP_MAX, 0)) and bool(set_option(_M_TRIM_THRESHOLD, -1))
