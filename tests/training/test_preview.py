"""Sheets show every sample of every column, and the page every sheet."""

import torch

from gantool.media.images import read_image
from gantool.training import preview


def test_a_sheet_has_a_row_per_sample_at_the_largest_size():
    columns = {"input": torch.zeros(3, 3, 4, 4), "result": torch.ones(3, 3, 8, 8)}
    drawn = preview.sheet(columns)
    assert drawn.shape == (3 * (8 + preview.GAP), 2 * (8 + preview.GAP), 3)
    assert drawn[0, 0].tolist() == [0, 0, 0]
    assert drawn[0, 8 + preview.GAP].tolist() == [255, 255, 255]


def test_the_page_lists_all_sheets_newest_first(tmp_path):
    columns = {"<result>": torch.rand(2, 3, 4, 4)}
    for step in (1, 2000):
        preview.save(tmp_path / "previews", step, columns)
    page = (tmp_path / "previews" / "index.html").read_text()
    assert page.index("step_002000.png") < page.index("step_000001.png")
    assert "&lt;result&gt;" in page
    frame, _ = read_image(tmp_path / "previews" / "step_000001.png")
    assert frame.shape == (2 * (4 + preview.GAP), 4 + preview.GAP, 3)
