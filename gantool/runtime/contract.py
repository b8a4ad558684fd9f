"""What a model file says of itself: the JSON in its ONNX metadata under the key `gantool`.

The stored graph is a plain float one, pictures `N×3×H×W → N×3×sH×sW` in `value_range`, with
dynamic N, H and W.
"""

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gantool.errors import ModelError

KEY = "gantool"
FORMAT = 1
LONGEST = 10_000
"""Letters of a text in it."""
WIDEST = 1e6
"""Largest float that may stand for a pixel."""
LARGEST_CONDITION = 2**20
"""Numbers of one."""


@dataclass(frozen=True)
class Contract:
    """Read from the model file's own metadata; lengths are pixels of the model's input."""

    task: str
    name: str = ""
    scale: int = 1
    """Output side over input side."""
    multiple: int = 1
    """Both sides must be multiples of this."""
    align: int = 1
    """Product of the strides: tiles start at multiples of it."""
    minimum: int = 1
    """Smallest side the network takes."""
    window: tuple[int, int] = (0, 0)
    """Height and width of the only frames that it takes; zeros where it takes any."""
    batch: int = 0
    """Most frames at once; 0 for any number."""
    side: int = 0
    """Short side of the pictures it is for; 0 where the size does not matter."""
    halo: int = 0
    """How far an output pixel looks; tiles are read this much wider."""
    statistics: Literal["local", "global"] = "local"
    """Global: normalised over the whole frame, so tiles need statistics that are held."""
    value_range: tuple[float, float] = (0.0, 1.0)
    """The floats that stand for the darkest and the brightest pixel."""
    precision: Literal["fp32", "int8"] = "fp32"
    """What it computes in between; int8 is for processors with VNNI, or integers as fast."""
    conditions: Mapping[str, Any] = field(default_factory=dict)
    """Further inputs by name, float32 1×shape: `{"shape": […], "default": 0.0}`; one without a
    default must be given with every picture."""
    licence: str = ""
    data: str = ""
    """What it was trained on."""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    """`name`, `options`, `steps`, `seed`."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    parity: float | None = None
    """Largest difference between torch and onnxruntime at export, in levels of 255."""

    def to_json(self) -> str:
        """The metadata string; keys that hold their default are left out."""
        values = {
            key: value
            for key, value in dataclasses.asdict(self).items()
            if value != _DEFAULTS.get(key)
        }
        return json.dumps({"format": FORMAT, **values}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Contract":
        """Raises ModelError where the text is not a contract that this version can read."""
        try:
            values = json.loads(text)
            found = values.pop("format")
            if found != FORMAT:
                raise ModelError(
                    f"contract format {found!r:.60}; this gantool reads format {FORMAT}"
                )
            known = {key: value for key, value in values.items() if key in _FIELDS}
            low, high = known.pop("value_range", (0.0, 1.0))
            height, width = known.pop("window", (0, 0))
            contract = cls(
                **known, value_range=(float(low), float(high)), window=(int(height), int(width))
            )
        except RecursionError as error:
            raise ModelError("its contract cannot be read: it is nested too deeply") from error
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise ModelError(f"its contract cannot be read: {error}") from error
        _check(contract)
        return contract


_FIELDS = {entry.name for entry in dataclasses.fields(Contract)}
_DEFAULTS = dataclasses.asdict(Contract(task=""))


def _check(contract: Contract) -> None:
    for name, kind in _KINDS.items():
        if not isinstance(getattr(contract, name), kind):
            raise ModelError(
                f"its contract gives {name} {getattr(contract, name)!r:.60}: not a value"
            )
    for name in ("task", "name", "licence", "data"):
        text = getattr(contract, name)
        if not text.isprintable() or len(text) > LONGEST:
            raise ModelError(f"its contract gives {name} {text!a:.60}: not a line of text")
    for name, (least, most) in _RANGES.items():
        value = getattr(contract, name)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ModelError(
                f"its contract gives {name} {value!r:.60}; it must be a whole number from {least} "
                f"to {most}"
            )
    _check_window(contract)
    if contract.statistics not in ("local", "global"):
        raise ModelError(
            f"its contract gives statistics {contract.statistics!r:.60}: local or global"
        )
    if contract.precision not in ("fp32", "int8"):
        raise ModelError(f"its contract gives precision {contract.precision!r:.60}: fp32 or int8")
    low, high = contract.value_range
    if not -WIDEST <= low < high <= WIDEST:  # NaN is in no range either
        raise ModelError(f"its contract gives an empty value range {contract.value_range}")
    for name, facts in contract.conditions.items():
        _check_condition(name, facts)


def _check_condition(name: str, facts: object) -> None:
    if isinstance(facts, Mapping):
        shape, default = facts.get("shape"), facts.get("default")
        if _is_shape(shape) and isinstance(default, int | float | None):
            return
        if shape is default is None:
            return
    raise ModelError(f"its contract gives the condition {name!a:.60} no shape or no number")


def _is_shape(shape: object) -> bool:
    if not isinstance(shape, list) or any(type(side) is not int or side < 0 for side in shape):
        return False
    return math.prod(shape) <= LARGEST_CONDITION


def _check_window(contract: Contract) -> None:
    """A tile that is all halo would never come to an end."""
    rows, columns = contract.window
    edges = 2 * (contract.halo + contract.align)
    if contract.window != (0, 0) and not edges <= min(rows, columns) <= max(rows, columns) <= 4096:
        raise ModelError(f"its contract gives window {contract.window}: not a size for its halo")


_RANGES = {
    "scale": (1, 32),
    **dict.fromkeys(("multiple", "align", "minimum"), (1, 4096)),
    "side": (0, 1 << 16),
    "halo": (0, 1024),
    "batch": (0, 4096),
}
_KINDS: Mapping[str, type] = {
    **dict.fromkeys(("task", "name", "licence", "data"), str),
    **dict.fromkeys(("conditions", "recipe", "metrics"), Mapping),
}
