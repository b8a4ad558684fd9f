"""Law: the help can be read at a glance, in a terminal of eighty columns."""

import io
import re
from contextlib import redirect_stdout

import pytest

from gantool import api
from gantool.cli.app import start


def said(monkeypatch, *words: str) -> str:
    monkeypatch.setenv("COLUMNS", "80")
    out = io.StringIO()
    with redirect_stdout(out):
        assert start([*words, "--help"]) == 0
    return out.getvalue()


@pytest.mark.parametrize("group", ["", "data", "models", "plugins"])
def test_every_command_says_in_a_whole_line_what_it_does(group, monkeypatch):
    listed = said(monkeypatch, *group.split()).partition("Commands:\n")[2]
    assert listed
    assert not [line for line in listed.splitlines() if line.endswith("...")]


@pytest.mark.parametrize("task", sorted(api.registry().tasks))
def test_every_task_shows_a_line_to_copy(task, monkeypatch):
    assert re.search(rf"For example: gantool {task} ", said(monkeypatch, task))
