"""One build: a recipe, where its data are, where its results go, and how it is to run."""

import sys
from dataclasses import dataclass
from pathlib import Path

from builder import data_folders
from builder.recipe_file import PLACEHOLDER, ModelRecipe, Phase

TRIAL_PICTURES = 8
"""Of each source, in a trial."""


@dataclass(frozen=True)
class Build:
    """What one command asks for."""

    recipe: ModelRecipe
    data: Path
    folder: Path
    device: str = "auto"
    trial: bool = False
    seconds: float | None = None
    """Of all trainings together; None is without an end."""

    @property
    def model(self) -> Path:
        return self.folder / f"{self.recipe.name}.onnx"

    def run_of(self, phase: str) -> Path:
        """Return the folder of a phase: a training run, or what a command has drawn."""
        return self.folder / "phases" / phase

    def file_of(self, phase: str) -> Path:
        """Return its model file."""
        return self.folder / "phases" / f"{phase}.onnx"

    def fill(self, text: str, phase: str = "") -> str:
        """Return `text` with its placeholders filled; those of phases are model files."""
        values = {
            "data": self.data,
            "run": self.folder,
            "model": self.model,
            "name": self.recipe.model.split("/")[-1],
            "licence": self.recipe.licence,
            "output": self.file_of(phase),
            "folder": self.run_of(phase),
        }
        files = {each.name: self.file_of(each.name) for each in self.recipe.phases}
        return PLACEHOLDER.sub(lambda found: str({**files, **values}[found[1]]), text)

    def locate(self, pictures: str) -> Path:
        """Return the path of a source: below the data, or what a phase has drawn."""
        if found := PLACEHOLDER.match(pictures):
            return self.run_of(found[1]) / pictures[found.end() :].lstrip("/")
        return self.data / pictures

    def draws(self, phase: Phase) -> bool:
        """Tell whether an earlier phase makes some of its data."""
        parts = self.recipe.folders.get(phase.on, {}).values()
        return any(PLACEHOLDER.match(each.pictures) for part in parts for each in part)

    def plan_data(self, name: str) -> data_folders.Links:
        """Return the links of a data folder."""
        most = TRIAL_PICTURES if self.trial else None
        parts = self.recipe.folders[name]
        return data_folders.plan_links(name, parts, self.locate, most=most)


def say(build: Build, text: str) -> None:
    """Print a line of progress."""
    print(f"build {build.recipe.name}: {text}", file=sys.stderr, flush=True)
