"""What libraries in C print on stderr past Python: on damaged files, which gantool names itself."""

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Within, it goes nowhere; what Python prints goes where it went. Not with GANTOOL_DEBUG."""
    stream = sys.stderr
    try:
        own = stream.fileno()
        kept = os.dup(2)
    except (AttributeError, OSError, ValueError):  # there is no stderr, or no file behind it
        yield
        return
    if os.environ.get("GANTOOL_DEBUG"):
        os.close(kept)
        yield
        return
    with contextlib.suppress(OSError, ValueError):
        stream.flush()
    if own == 2:
        sys.stderr = open(kept, "w", 1, stream.encoding, stream.errors, closefd=False)  # noqa: SIM115  # closed below
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
        os.dup2(kept, 2)
        sys.stderr = stream
        os.close(kept)
