"""Two pictures on one another, and a line between them that mouse, finger and arrow keys move."""

import base64
from dataclasses import dataclass

from gantool.reports.page import text

STYLE = """
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  overflow: hidden; } figcaption { padding: 0.6rem 0.8rem; font-size: 0.88rem; }
.views { position: relative; }
.pair { --at: 50%; position: relative; overflow: hidden; touch-action: pan-y;
  background: var(--line); }
.pair img { display: block; width: 100%; height: auto; }
.pair .before { position: absolute; inset: 0; clip-path: inset(0 calc(100% - var(--at)) 0 0); }
.pair::after { content: ""; position: absolute; inset: 0 auto 0 var(--at); width: 2px;
  margin-left: -1px; background: #fff; box-shadow: 0 0 0 1px rgb(0 0 0 / 45%); }
.pair input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0;
  cursor: ew-resize; z-index: 1; }
.pair:focus-within { outline: 3px solid var(--mark); outline-offset: -3px; }
.pair span { position: absolute; top: 0.5rem; padding: 0.05rem 0.5rem; border-radius: 1rem;
  background: rgb(0 0 0 / 60%); color: #fff; font-size: 0.75rem; }
.pair .left { left: 0.5rem; } .pair .right { right: 0.5rem; }
.close { display: flex; justify-content: center; }
.close img { width: auto; max-width: none; flex: none; }
.close .before { left: 50%; right: auto; transform: translateX(-50%); clip-path: none; }
.close .cut { position: absolute; inset: 0; overflow: hidden;
  clip-path: inset(0 calc(100% - var(--at)) 0 0); }
[hidden] { display: none; }
.views button { position: absolute; z-index: 2; right: 0.5rem; bottom: 0.5rem; border: 0;
  border-radius: 1rem; padding: 0.3rem 0.8rem; font: inherit; font-size: 0.8rem; cursor: pointer;
  background: rgb(0 0 0 / 70%); color: #fff; }
.views button:focus-visible { outline: 3px solid var(--mark); }
@media print { .views button { display: none; } }
"""
SCRIPT = """
document.addEventListener('input', event => {
  if (event.target.type === 'range')
    event.target.parentElement.style.setProperty('--at', event.target.value + '%');
});
document.addEventListener('click', event => {
  const button = event.target.closest('.views button');
  if (!button) return;
  const pairs = button.parentElement.querySelectorAll('.pair');
  pairs.forEach(pair => { pair.hidden = !pair.hidden; });
  button.textContent = pairs[0].hidden ? 'Whole picture' : 'At 100 %';
});
"""


@dataclass(frozen=True)
class Sight:
    """Two JPEG files of one size, in pixels."""

    before: bytes
    after: bytes
    width: int
    height: int


def slider(whole: Sight, close: Sight | None, caption: str, *, label: str) -> str:
    """A figure: the whole pictures and, behind a button, `close`, a part in its own pixels.

    `caption` is HTML; `label` is read to those who do not see.
    """
    views = _pair(whole, "pair", label)
    if close is not None:
        views += _pair(close, "pair close", f"{label}, a part at 100 %", hidden=True)
        views += '<button type="button">At 100 %</button>'
    return f'<figure><div class="views">{views}</div><figcaption>{caption}</figcaption></figure>\n'


def _pair(sight: Sight, kind: str, label: str, *, hidden: bool = False) -> str:
    before = _image(sight.before, sight, f"{label}: before", "before")
    after = _image(sight.after, sight, f"{label}: after", "after")
    if "close" in kind:
        before = f'<div class="cut">{before}</div>'
    return (
        f'<div class="{kind}"{" hidden" if hidden else ""}>{after}{before}'
        '<span class="left">before</span><span class="right">after</span>'
        f'<input type="range" min="0" max="100" value="50" aria-label="{text(label)}: '
        'how much of the picture before is shown"></div>'
    )


def _image(jpeg: bytes, sight: Sight, alt: str, kind: str) -> str:
    return (
        f'<img class="{kind}" width="{sight.width}" height="{sight.height}" alt="{text(alt)}" '
        f'src="{data_uri(jpeg)}">'
    )


def data_uri(jpeg: bytes) -> str:
    """A JPEG file as the address of an image."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
