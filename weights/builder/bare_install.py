"""Make a checkout known to Python where nothing can be installed: its name and entry points.

    python weights/builder/bare_install.py SITE

writes SITE/gantool-0.dist-info; the sources themselves come by PYTHONPATH. Needs no gantool.
"""

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def write_metadata(site: Path) -> Path:
    """Write what `importlib.metadata` reads of an installed gantool; return its folder."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    folder = site / f"{project['name']}-0.dist-info"
    folder.mkdir(parents=True, exist_ok=True)
    about = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0\n"
    (folder / "METADATA").write_text(about, encoding="utf-8")
    lines = []
    for group, entries in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items()), ""]
    (folder / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    return folder


if __name__ == "__main__":
    print(write_metadata(Path(sys.argv[1])))
