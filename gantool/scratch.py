"""Where arrays live that are too large for memory."""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantool.errors import OutputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

IN_MEMORY = 512 * 2**20


def allocate(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """An empty array; over 512 MiB it lives in a file that is gone with the process.

    The file is in TMPDIR, else in /var/tmp. Raises OutputError where the disk has no room for it.
    """
    import numpy as np

    size = math.prod(shape) * dtype.itemsize
    if size <= IN_MEMORY:
        return np.empty(shape, dtype)
    disk = Path(os.environ.get("TMPDIR", "/var/tmp"))  # /tmp is often held in memory
    folder = disk if disk.is_dir() else None
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)  # found later, it would kill the process
            return np.memmap(file, dtype, mode="w+", shape=shape)
    except OSError as error:
        raise OutputError(
            f"{folder or tempfile.gettempdir()}: no room for a large result while it is made, "
            f"{size / 1e9:.1f} GB ({error.strerror}): set TMPDIR to a folder on another disk"
        ) from error
