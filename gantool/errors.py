"""Every error that gantool raises on purpose, one class per exit code of the command line.

GantoolError
├── UsageError       2   wrong option, missing named input, colliding names: nothing was started
├── NoPictureError      3   no picture in the folder or behind the pattern
├── ModelError       4   a model is missing or refused
├── DeviceError      5   the device that was asked for is not available
├── PluginError      6   a plugin that is needed is broken
├── OutputError      7   outputs cannot be written
└── ItemError        1   this one input failed; the others go on
"""


class GantoolError(Exception):
    """One clear line: what is wrong, with which file, what to do."""

    exit_code = 1


class UsageError(GantoolError):
    exit_code = 2


class NoPictureError(GantoolError):
    exit_code = 3


class ModelError(GantoolError):
    exit_code = 4


class DeviceError(GantoolError):
    exit_code = 5


class PluginError(GantoolError):
    exit_code = 6


class OutputError(GantoolError):
    exit_code = 7


class ItemError(GantoolError):
    """Raised by a task's process («no face found») or by reading one input."""


def ends_the_run(error: Exception) -> bool:
    """Whether it is about more than one item: the disk, the device, the model."""
    return isinstance(error, GantoolError) and not isinstance(error, ItemError)


def reason(source: object, error: Exception) -> str:
    """Why `source` could not be done, in one line that names it."""
    if isinstance(error, MemoryError):
        return f"{source}: not enough memory for it"
    text = str(error)
    if not isinstance(error, GantoolError):  # a stranger's, maybe of several lines
        text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if str(source) in text else f"{source}: {text}"
