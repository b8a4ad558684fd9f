"""Laws of teachers: read from models and checkpoints, corrected, refused in one line."""

import hashlib

import cv2
import numpy as np
import pytest
import torch

import models
from gantool.errors import ModelError, UsageError
from gantool.training.networks.rrdb import Rrdb
from gantool.training.teacher import enlarged, read_teacher, with_low_frequencies_of


def picture(side: int = 48) -> np.ndarray:
    rough = np.random.default_rng(2).random((side, side, 3)).astype(np.float32)
    return (255 * cv2.GaussianBlur(rough, (0, 0), 1.5)).astype(np.uint8)


def test_a_model_file_teaches_what_it_gives(tmp_path):
    path = models.bilinear(tmp_path / "m.onnx", 4)
    teacher = read_teacher(path, 4)
    frames = np.stack([picture(), picture()[::-1]])
    result = teacher.enlarge(frames)
    assert (teacher.scale, result.shape, result.dtype) == (4, (2, 192, 192, 3), np.uint8)
    wanted = cv2.resize(frames[0], (192, 192), interpolation=cv2.INTER_LINEAR)
    assert np.abs(result[0].astype(int) - wanted).max() <= 1
    assert teacher.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_checkpoint_teaches_what_its_network_gives(tmp_path):
    torch.manual_seed(0)
    network, path = Rrdb(1, 8, 4), tmp_path / "m.pth"
    torch.save({"params_ema": network.state_dict()}, path)
    frames = picture(12)[None]
    frames.flags.writeable = False
    with torch.no_grad():
        x = torch.tensor(frames).permute(0, 3, 1, 2).float() / 255
        wanted = (network(x) * 255).clamp(0, 255).permute(0, 2, 3, 1).numpy()
    teacher = read_teacher(path, 4)
    assert np.abs(teacher.enlarge(frames) - wanted).max() < 4  # bfloat16 where there is such
    assert teacher.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_cannot_teach_is_refused_in_one_line(tmp_path):
    torch.save({"a": torch.zeros(1)}, tmp_path / "odd.pth")
    models.bilinear(tmp_path / "x2.onnx", 2)
    (tmp_path / "text.onnx").write_text("no model")
    for name, error, said in (
        ("none.pth", ModelError, "none.pth: no such file"),
        ("odd.pth", ModelError, "odd.pth: holds neither an RRDB"),
        ("x2.onnx", UsageError, "x2.onnx: enlarges 2 times, not 4"),
        ("text.onnx", ModelError, "text.onnx"),
    ):
        with pytest.raises(error, match=said) as refused:
            read_teacher(tmp_path / name, 4)
        assert "\n" not in str(refused.value)


def test_colours_are_the_inputs_and_detail_is_the_teachers():
    low = picture()
    original = cv2.resize(low, (192, 192), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    checks = np.where(np.indices((192, 192)).sum(axis=0)[..., None] % 2, 8, -8)
    shift = np.array([-12.0, 5, 9]) * (1 + np.linspace(0, 1, 192)[:, None, None])
    output = np.clip(original + checks + shift, 0, 255).astype(np.uint8)
    mended = with_low_frequencies_of(low, output)
    assert np.abs((output - original - checks)[32:-32, 32:-32].mean(axis=(0, 1))).max() > 5
    assert np.abs((mended - original - checks)[32:-32, 32:-32].mean(axis=(0, 1))).max() < 0.5
    detail = mended[32:-32, 32:-32] - cv2.GaussianBlur(mended, (0, 0), 2)[32:-32, 32:-32]
    assert (np.sign(detail) == np.sign(checks[32:-32, 32:-32])).mean() > 0.9


def test_an_output_that_agrees_with_its_input_is_kept():
    output = picture(96)
    low = cv2.resize(output, (24, 24), interpolation=cv2.INTER_AREA)
    assert np.abs(with_low_frequencies_of(low, output) - output).max() < 0.6


def test_enlarged_is_cubic_of_any_floats():
    flat = np.full((4, 5, 3), -7.5, np.float32)
    assert enlarged(flat, 16, 20).shape == (16, 20, 3)
    assert np.allclose(enlarged(flat, 16, 20), -7.5)
