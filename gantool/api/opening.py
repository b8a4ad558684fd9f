"""Single models, by name or file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gantool.api.installed import registry
from gantool.api.pulling import available
from gantool.errors import ModelError, UsageError

if TYPE_CHECKING:
    from gantool.runtime.session import Session, Tile


def load(
    model: str,
    *,
    device: str = "auto",
    precision: str = "auto",
    tile: int | str | None = "auto",
    max_pixels: int | None = None,
    accept_licence: str | None = None,
    offline: bool = False,
) -> Session:
    """One model, by name or file, as a function H×W×3 → sH×sW×3 (uint8 or uint16).

    `max_pixels` are those that a result may have; `accept_licence` names the licence of a model
    that asks for it, once. A model that is not here is downloaded unless `offline`. Raises
    ModelError where the model is missing or refused, DeviceError for the device.
    """
    from gantool.runtime import providers
    from gantool.runtime.session import Session

    chosen, side = providers.choose(device, precision), _tile(tile)
    path = available(model, offline=offline, accept_licence=accept_licence)
    digest = _check(model, path)
    ask(model, path, accept_licence)
    session = Session(path, chosen, side, most=max_pixels)
    if session.sha256 != digest:  # what was tried is what is used
        raise ModelError(f"{path}: changed while it was read: try again")
    return session


def ask(model: str, path: Path, accept_licence: str | None) -> None:
    """Raises ModelError where the licence of the model in `path` has not been accepted.

    By a path it is the same model as by its name.
    """
    from gantool import licences
    from gantool.runtime import scan, session

    scan.check_file(path)
    known = registry().models
    licences.refuse_unknown(accept_licence, known)
    digest = session.sha256(path)
    for each in known.values():
        if each.name == model or each.sha256 == digest:
            licences.check(each, accept_licence)


def _check(model: str, path: Path) -> str:
    """The file's sha256. Raises ModelError for one that cannot be trusted; the catalogue's can."""
    from gantool.runtime import scan, session, trial

    scan.check_file(path)
    known, digest = registry().models, session.sha256(path)
    if model in known and known[model].is_fetched and digest != known[model].sha256:
        raise ModelError(f"{path}: damaged, not {model}: gantool models pull {model} mends it")
    if digest not in {each.sha256 for each in known.values()}:
        trial.check(path, digest)
    return digest


def _tile(tile: int | str | None) -> Tile:
    """`auto`, `off` or a side in pixels."""
    if tile == "auto":
        return "auto"
    if tile in ("off", None):
        return None
    if str(tile).isdigit() and int(tile) >= 16:
        return int(tile)
    raise UsageError(f"--tile {tile}: auto, off, or a side of 16 pixels or more")
