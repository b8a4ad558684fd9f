"""Law: what a page links to is there, headings too, and every page can be reached."""

import re
from pathlib import Path

import pytest
from pages import FENCE, PAGES, ROOT

SKIPPED = {".git", ".venv", ".venv-test", "node_modules"}
ALL = sorted(
    str(path.relative_to(ROOT))
    for path in ROOT.rglob("*.md")
    if not SKIPPED & set(path.relative_to(ROOT).parts[:1])
)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def links(page: str) -> list[str]:
    return LINK.findall(FENCE.sub("", (ROOT / page).read_text("utf-8")))


def anchors(page: Path) -> set[str]:
    """The names that a heading can be linked by, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", each.lower()) for each in headings]
    return {each.strip().replace(" ", "-") for each in plain}


def target(page: str, link: str) -> Path:
    """The file that a link of a page leads to."""
    path = link.partition("#")[0]
    return (ROOT / page).parent / path if path else ROOT / page


@pytest.mark.parametrize("page", ALL)
def test_links_lead_somewhere(page):
    for link in links(page):
        if re.match(r"https?:|mailto:", link):
            continue
        file, anchor = target(page, link), link.partition("#")[2]
        assert file.exists(), f"{page}: {link}"
        assert file.resolve().is_relative_to(ROOT), f"{page}: {link} leads out of the repository"
        if anchor:
            assert anchor in anchors(file), f"{page}: no heading {link}"


def test_every_page_is_reached_from_the_readme():
    reached, todo = set(), {"README.md"}
    while todo:
        page = todo.pop()
        reached.add(page)
        inside = (target(page, link).resolve() for link in links(page) if ":" not in link)
        names = {str(file.relative_to(ROOT)) for file in inside if file.suffix == ".md"}
        todo |= names - reached
    assert set(PAGES) <= reached


def test_every_picture_is_shown():
    shown = {target(page, link).resolve() for page in ALL for link in links(page)}
    pictures = [each for each in (ROOT / "docs").iterdir() if each.suffix in (".png", ".jpg")]
    assert pictures
    assert set(pictures) <= shown
