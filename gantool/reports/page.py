"""What all pages share: the frame around them, their looks, and text that is only text."""

import html
from collections.abc import Iterable, Iterator

_STYLE = """
:root { color-scheme: light dark; --ink: #1c1d20; --soft: #5d6168; --paper: #fbfbfa; --card: #fff;
  --line: #dcdcd8; --bad: #a3211b; --mark: #1f5fbf; }
@media (prefers-color-scheme: dark) { :root { --ink: #e9e8e4; --soft: #a0a3a8; --paper: #17181a;
  --card: #202225; --line: #383b40; --bad: #ff8f85; --mark: #8ab8ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 88rem; padding: 1.5rem clamp(0.8rem, 3vw, 2.5rem) 4rem;
  background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif;
  overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.2rem 0 0.7rem; }
p { margin: 0.3rem 0; } .soft { color: var(--soft); }
code { font: 0.88em ui-monospace, monospace; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.15rem 1rem; margin: 0.6rem 0;
  font-size: 0.88rem; } dt { color: var(--soft); } dd { margin: 0; }
table { border-collapse: collapse; width: 100%; font-size: 0.88rem; }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 0.8rem 0.3rem 0;
  border-bottom: 1px solid var(--line); } th { color: var(--soft); font-weight: 500; }
.bad { color: var(--bad); } summary { cursor: pointer; color: var(--mark); }
.cards { display: grid; align-items: start; gap: 1.2rem; grid-template-columns: repeat(auto-fill,
  minmax(min(100%, 26rem), 1fr)); }
@media (max-width: 34rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: 0.4rem; } }
@media print { .cards { grid-template-columns: 1fr 1fr; } figure { break-inside: avoid; } }
"""
GENERATOR = '<meta name="generator" content="gantool">'
_ALLOWED = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
)


def text(value: object) -> str:
    """Any text, names that are none and marks of HTML included, as what a reader sees."""
    shown = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in str(value))
    return html.escape(shown)


def page(title: str, body: Iterable[str], *, style: str = "", script: str = "") -> Iterator[str]:
    """The parts of a whole page around those of its body."""
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_ALLOWED}">\n'
        f"{GENERATOR}\n<title>{text(title)}</title>\n<style>{_STYLE}{style}</style>\n</head>\n<body>\n"
    )
    yield from body
    yield f"<script>{script}</script>\n</body>\n</html>\n"


def table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """A table, row by row."""
    head = "".join(f"<th>{text(column)}</th>" for column in columns)
    yield f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n"
    for row in rows:
        yield f"<tr>{''.join(f'<td>{text(cell)}</td>' for cell in row)}</tr>\n"
    yield "</tbody>\n</table>\n"
