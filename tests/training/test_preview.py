"""Sheets show every sample of every column, and the page every sheet."""

import numpy as np
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
    drawn = preview.sheet(columns)
    for step in (1, 2000):
        preview.save(tmp_path / "previews", step, drawn, tuple(columns))
    page = (tmp_path / "previews" / "index.html").read_text()
    assert page.index("step_002000.png") < page.index("step_000001.png")
    assert "&lt;result&gt;" in page
    frame, _ = read_image(tmp_path / "previews" / "step_000001.png")
    assert np.array_equal(frame, drawn)


def test_values_become_levels_and_what_is_beyond_is_cut_off():
    values = torch.tensor([-1.0, 0.0, 0.5, 1.0, 7.0]).view(1, 1, 1, 5).expand(1, 3, 1, 5)
    assert preview.sheet({"x": values})[0, :5, 1].tolist() == [0, 0, 128, 255, 255]


def test_smaller_columns_are_enlarged_without_new_values():
    columns = {"low": torch.rand(1, 3, 2, 2), "high": torch.rand(1, 3, 8, 8)}
    low = preview.sheet(columns)[:8, :8]
    assert len(np.unique(low.reshape(-1, 3), axis=0)) == 4
