"""Licences that must be accepted before a model is used: once, by whoever uses it.

What was accepted is kept word for word: another text, under the same name too, is asked for anew.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from gantool import atomic, folders
from gantool.errors import ModelError, UsageError
from gantool.pipeline import Model

VARIABLE = "GANTOOL_ACCEPT_LICENCE"
"""Names a licence in the environment that is accepted by this process, and not remembered."""


def check(model: Model, accept: str | None = None) -> None:
    """Remember that the licence `accept` is accepted, where it is that of `model`.

    Raises ModelError where the terms of `model` have not been accepted.
    """
    if is_accepted(model):
        return
    if accept != model.licence:
        raise ModelError(
            f"{model.name}: its licence must be accepted once: read {model.terms}, "
            f"then add --accept-licence {model.licence}"
        )
    atomic.make_folder(folder())
    atomic.write_bytes(_kept(model), _text(model))


def is_accepted(model: Model) -> bool:
    """Whether `model` can be used: its terms have been accepted, or it has none."""
    if not model.terms or os.environ.get(VARIABLE) == model.licence:
        return True
    return _kept(model).is_file()


def refuse_unknown(accept: str | None, catalogue: Mapping[str, Model]) -> None:
    """Raises UsageError where no model asks for the licence `accept`."""
    known = sorted({model.licence for model in catalogue.values() if model.terms})
    if accept is not None and accept not in known:
        there = f"there is {', '.join(known)}" if known else "no model here asks for one"
        raise UsageError(f"--accept-licence {accept}: no such licence: {there}")


def folder() -> Path:
    """Where the texts are that have been accepted, named by their sha256."""
    return folders.data() / "licences"


def _kept(model: Model) -> Path:
    return folder() / f"{hashlib.sha256(_text(model)).hexdigest()}.txt"


def _text(model: Model) -> bytes:
    try:
        return Path(model.terms).read_bytes()
    except OSError as error:
        raise ModelError(
            f"{model.name}: its licence {model.terms} is missing: install the plugin again"
        ) from error
