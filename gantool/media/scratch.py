"""Where arrays live that are too large for memory."""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

IN_MEMORY = 512 * 2**20


def allocate(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """An empty array; over 512 MiB it lives in a file that is gone with the process.

    The file is in TMPDIR, else in /var/tmp. Raises OSError where the disk has no room for it.
    """
    size = math.prod(shape) * dtype.itemsize
    if size <= IN_MEMORY:
        return np.empty(shape, dtype)
    disk = Path(os.environ.get("TMPDIR", "/var/tmp"))  # /tmp is often held in memory
    with tempfile.TemporaryFile(dir=disk if disk.is_dir() else None) as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)  # a full disk found later kills the process
        return np.memmap(file, dtype, mode="w+", shape=shape)
