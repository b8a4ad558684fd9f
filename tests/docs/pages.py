"""What is written in the pages: blocks, shell commands, links."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", "CONTRIBUTING.md", *(f"docs/{each.name}" for each in sorted(
    (ROOT / "docs").glob("*.md")))]  # fmt: skip
CARDS = sorted(
    str(path.relative_to(ROOT))
    for place in ("plugins/*/models", "weights/*", "weights/*/*")
    for path in ROOT.glob(f"{place}/*.md")
)
"""What tells of models: how they were trained, long and with data that are not here."""
SHELL = ("sh", "bash", "console")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`(gantool [^`]+)`")
PROMPT = "$ "


@dataclass(frozen=True)
class Block:
    """What stands between three backquotes."""

    language: str
    text: str


@dataclass(frozen=True)
class Line:
    """A line as it is typed, and what a console shows below it."""

    typed: str
    shown: str = ""

    @property
    def words(self) -> list[str]:
        """As a shell parts them, its operators apart, without the comment."""
        lexer = shlex.shlex(self.typed, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        return list(lexer)

    @property
    def results(self) -> list[str]:
        """Files and folders that the comment says will be there: `photo-superres-x4.jpg`."""
        comment = self.typed.partition(" # ")[2]
        return re.findall(r"(?:^ *|into )(\w+-[\w.+-]+(?:/|\.\w+))", comment)

    @property
    def commands(self) -> list[list[str]]:
        """The simple commands of the line, without redirections."""
        found: list[list[str]] = [[]]
        words = iter(self.words)
        for word in words:
            if set(word) <= set("<>"):
                next(words)
            elif set(word) <= set("|&;"):
                found.append([])
            else:
                found[-1].append(word)
        return [command for command in found if command]

    @property
    def is_piped(self) -> bool:
        """Whether it takes a shell to run it: a pipe or a file at one of its ends."""
        return any(word in ("|", "<", ">", ">>") for word in self.words)


def text(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def blocks(page: str) -> list[Block]:
    return [Block(language, body) for language, body in FENCE.findall(text(page))]


def lines(block: Block) -> Iterator[Line]:
    """The commands of a shell block; of a console those behind a prompt."""
    if block.language == "console":
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            typed, _, shown = part.partition("\n")
            yield Line(typed, shown)
        return
    for typed in block.text.replace("\\\n", " ").splitlines():
        if Line(typed).words:
            yield Line(typed)


def all_lines(page: str) -> list[Line]:
    shell = [block for block in blocks(page) if block.language in SHELL]
    return [line for block in shell for line in lines(block)]


def mentioned(page: str) -> list[Line]:
    """Commands of gantool in running text, and in tables."""
    prose = FENCE.sub("", text(page)).replace("\\|", "|")
    return [Line(" ".join(found.split())) for found in INLINE.findall(prose)]


def gantool_words(command: list[str]) -> list[str] | None:
    """What gantool is given: as `gantool`, as `.venv/bin/gantool` or through `-m gantool`."""
    if command[0].rpartition("/")[2] == "gantool":
        return command[1:]
    for number, word in enumerate(command[:-1]):
        if (word, command[number + 1]) == ("-m", "gantool"):
            return command[number + 2 :]
    return None
