"""Models that are not on this machine yet: downloaded, checked, removed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gantool import licences, model_cache, store
from gantool.api.installed import registry
from gantool.errors import ModelError
from gantool.model_cache import Received
from gantool.pipeline import Model


@dataclass(frozen=True)
class Verified:
    """What became of the check of one model; `problem` is empty where its file is the right one."""

    name: str
    file: Path
    problem: str = ""


def is_here(model: Model) -> bool:
    """Whether the file of a model is on this machine."""
    return store.is_here(model)


def pull(
    models: Iterable[str],
    *,
    offline: bool = False,
    accept_licence: str | None = None,
    mend: bool = False,
) -> Iterator[Received]:
    """Download those of `models`, names or files, that are not here; yields how far it is.

    `mend`: also those whose files are damaged. Raises ModelError, before anything is downloaded
    where a licence is not accepted; OutputError where there is no room.
    """
    there = model_cache.is_sound if mend else store.is_here
    known = registry().models
    entries = [known[name] for name in models if name in known]
    wanted = [each for each in entries if each.is_fetched and not there(each)]
    for each in wanted:
        licences.check(each, accept_licence)
    for each in wanted:
        yield from model_cache.pull(each, offline=offline)


def available(model: str, *, offline: bool = False, accept_licence: str | None = None) -> Path:
    """The file of a model, downloaded where it is not here yet. Raises ModelError, OutputError."""
    for _ in pull([model], offline=offline, accept_licence=accept_licence):
        pass
    return store.locate(model, registry().models)


def verify(names: Sequence[str] = ()) -> Iterator[Verified]:
    """Compare the files of models, of all that are here by default, with the catalogue's hashes."""
    known = registry().models
    for name in names or sorted(name for name, each in known.items() if store.is_here(each)):
        file = store.locate(name, known)
        if name not in known:
            raise ModelError(f"{name}: a file, which no catalogue has: nothing to compare it with")
        yield Verified(name, file, _problem(file, known[name].sha256))


def _problem(file: Path, wanted: str) -> str:
    from gantool.runtime import scan, session

    try:
        scan.check_file(file)
    except ModelError as error:
        return str(error).removeprefix(f"{file}: ")
    if not wanted:
        return "the catalogue has no hash of it"
    digest = session.sha256(file)
    return "" if digest == wanted else f"wrong hash: sha256 {digest}, must be {wanted}"
