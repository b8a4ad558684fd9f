"""Pillow's own limit of pixels, which stands aside while gantool, with its own, reads."""

import contextlib
import threading
from collections.abc import Iterator

from PIL import Image

_lock = threading.Lock()
_readers = 0
_theirs = Image.MAX_IMAGE_PIXELS


@contextlib.contextmanager
def aside() -> Iterator[None]:
    """Within, Pillow neither warns nor refuses; after the last reader its limit is as before."""
    global _readers, _theirs
    with _lock:
        if not _readers:
            _theirs, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        _readers += 1
    try:
        yield
    finally:
        with _lock:
            _readers -= 1
            if not _readers:
                Image.MAX_IMAGE_PIXELS = _theirs
