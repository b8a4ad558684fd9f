"""Laws of pictures that move."""

import hashlib
import io
import itertools
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gantool.errors import ItemError
from gantool.media import apng, png
from gantool.media.animation import alike, whole_steps
from gantool.media.carry import Carry, detach
from gantool.media.images import encode_image, read_image, read_picture, write_picture
from gantool.media.picture import Limits, Picture, Timing

MOVING = (".gif", ".png", ".webp")
DURATIONS = (100, 40, 40, 250, 10)
ODD = Path(__file__).parents[2].parent / "shared" / "data" / "odd_images"


def drawn(number: int, *, clear: bool, size: tuple[int, int] = (19, 27)) -> NDArray[np.uint8]:
    """RGBA of few colours, its alpha 0 or 255."""
    draw = np.random.default_rng(number)
    pixels = draw.integers(0, 5, (*size, 4)).astype(np.uint8) * np.uint8(60)
    pixels[..., 3] = 255
    if clear:
        pixels[draw.random(size) < 0.3] = 0
    return pixels


def animation(*, clear: bool = False, loop: int = 0) -> Picture:
    """Five frames, the third like the second."""
    frames = [detach(drawn(number, clear=clear), Carry()) for number in (1, 2, 2, 3, 4)]
    if not clear:
        frames = [(frame, Carry()) for frame, _ in frames]
    return Picture(frames, Timing(DURATIONS, loop))


def written(picture: Picture, suffix: str, quality: int | None = 100) -> bytes:
    file = io.BytesIO()
    write_picture(file, picture, suffix, quality=quality)
    return file.getvalue()


def read(folder: Path, data: bytes, limits: Limits | None = None) -> Picture:
    (folder / "picture").write_bytes(data)
    return read_picture(folder / "picture", limits or Limits())


def shown(picture: Picture) -> list[NDArray[Any]]:
    """RGBA of every frame, black where it is clear."""
    return [visible(rows[:]) for rows in alike(picture.frames)]


def visible(pixels: NDArray[Any]) -> NDArray[Any]:
    channels = pixels.shape[2]
    colours = pixels[..., :3] if channels > 2 else np.repeat(pixels[..., :1], 3, axis=2)
    top = np.iinfo(pixels.dtype).max
    alpha = pixels[..., -1:] if channels in (2, 4) else np.full_like(pixels[..., :1], top)
    return np.dstack([np.where(alpha > 0, colours, 0), alpha])


def by_pillow(data: bytes) -> list[NDArray[Any]]:
    image = Image.open(io.BytesIO(data))
    frames = []
    for number in range(image.n_frames):
        image.seek(number)
        frames.append(visible(np.array(image.convert("RGBA"))))
    return frames


def equal(first: list[NDArray[Any]], second: list[NDArray[Any]]) -> None:
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("loop", [0, 1, 2, 7])
@pytest.mark.parametrize("clear", [False, True])
@pytest.mark.parametrize("suffix", MOVING)
def test_what_is_written_is_read(tmp_path: Path, suffix: str, clear: bool, loop: int) -> None:
    given = animation(clear=clear, loop=loop)
    again = read(tmp_path, written(given, suffix))
    assert again.timing == given.timing
    equal(shown(again), shown(given))
    assert all((carry.alpha is not None) == clear for _, carry in again.frames)
    assert again.sha256 == hashlib.sha256((tmp_path / "picture").read_bytes()).hexdigest()


@pytest.mark.parametrize("clear", [False, True])
def test_a_lossy_webp_keeps_every_frame_nearly(tmp_path: Path, clear: bool) -> None:
    y, x = np.mgrid[:40, :60]
    frames = []
    for number in (0, 1, 1, 2):
        photo = np.dstack([x * 3 + number, y * 4, 200 - x - 20 * number]).astype(np.uint8)
        alpha = np.where(x < 5 + number, 0, 255).astype(np.uint8) if clear else None
        frames.append((photo, Carry(alpha=alpha)))
    given = Picture(frames, Timing((10, 20, 30, 40), 2))
    again = read(tmp_path, written(given, ".webp", quality=None))
    assert again.timing == given.timing
    for one, other in zip(shown(again), shown(given), strict=True):
        np.testing.assert_array_equal(one[..., 3], other[..., 3])
        assert np.abs(one.astype(int) - other).mean() < 3
    assert len(written(given, ".webp", quality=30)) < (tmp_path / "picture").stat().st_size


@pytest.mark.parametrize("clear", [False, True])
@pytest.mark.parametrize("order", list(itertools.permutations(MOVING)))
def test_nothing_is_lost_from_format_to_format(
    tmp_path: Path, order: tuple[str, ...], clear: bool
) -> None:
    picture = animation(clear=clear, loop=3)
    for suffix in (*order, order[0]):
        picture = read(tmp_path, written(picture, suffix))
    assert picture.timing == Timing(DURATIONS, 3)
    equal(shown(picture), shown(animation(clear=clear)))


@pytest.mark.parametrize("suffix", MOVING)
def test_another_reader_sees_the_same(suffix: str) -> None:
    data = written(animation(clear=True, loop=3), suffix)
    equal(by_pillow(data), shown(animation(clear=True)))
    image = Image.open(io.BytesIO(data))
    durations = []
    for number in range(len(DURATIONS)):
        image.seek(number)
        image.load()
        durations.append(image.info["duration"])
    assert tuple(durations) == DURATIONS
    assert image.info["loop"] == (2 if suffix == ".gif" else 3)  # GIF counts the repetitions


@pytest.mark.parametrize("suffix", MOVING)
def test_of_a_frame_only_what_changes_is_stored(tmp_path: Path, suffix: str) -> None:
    """Not for size alone: what stands still must not flicker when colours are chosen anew."""
    y, x = np.mgrid[:64, :80]
    still = np.dstack([x * 3, y * 3, x + y]).astype(np.uint8)
    frames = [still.copy() for _ in range(4)]
    frames[1][31:40, 51:60] = 7
    frames[2][31:40, 51:60] = 9
    frames[3][:, :] = 255 - still
    given = Picture([(frame, Carry()) for frame in frames], Timing((10,) * 4))
    data = written(given, suffix)
    once = written(Picture(given.frames[:1]), suffix)
    assert len(data) < 2.5 * len(once) + 3000
    first, second, third, _ = shown(read(tmp_path, data))
    outside = np.ones((64, 80), bool)
    outside[30:40, 50:60] = False
    for frame in (second, third):
        np.testing.assert_array_equal(frame[outside], first[outside])
    assert (second[31:40, 51:60, :3] == 7).all()
    assert (third[31:40, 51:60, :3] == 9).all()


def test_a_gif_without_a_loop_is_played_once(tmp_path: Path) -> None:
    data = written(animation(loop=1), ".gif")
    assert b"NETSCAPE" not in data
    assert read(tmp_path, data).timing == Timing(DURATIONS, 1)


@pytest.mark.parametrize("suffix", MOVING)
def test_grey_frames_stay_grey(tmp_path: Path, suffix: str) -> None:
    frames = [detach(drawn(n, clear=False)[..., :1], Carry()) for n in (1, 2)]
    again = read(tmp_path, written(Picture(frames, Timing((10, 20))), suffix))
    assert all(carry.grey and carry.alpha is None for _, carry in again.frames)
    equal(shown(again), shown(Picture(frames)))


def test_frames_of_unlike_channels_are_made_alike(tmp_path: Path) -> None:
    frames = [
        detach(drawn(1, clear=False)[..., :3], Carry()),
        detach(drawn(2, clear=True), Carry()),
    ]
    for suffix in MOVING:
        again = read(tmp_path, written(Picture(frames, Timing((10, 20))), suffix))
        equal(shown(again), shown(Picture(frames)))


def test_16_bits_stay_in_a_moving_png(tmp_path: Path) -> None:
    frames = [detach(drawn(n, clear=True).astype(np.uint16) * 257 | 1, Carry()) for n in (1, 2)]
    again = read(tmp_path, written(Picture(frames, Timing((10, 20))), ".png"))
    assert again.frames[0][0].dtype == np.uint16
    equal(shown(again), shown(Picture(frames)))
    equal(
        shown(read(tmp_path, written(Picture(frames, Timing((10, 20))), ".webp"))),
        [(frame >> 8).astype(np.uint8) for frame in shown(Picture(frames))],
    )


@pytest.mark.parametrize("suffix", MOVING)
def test_metadata_survives_as_far_as_the_format_holds_it(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[271] = "Maker"
    profile = bytes(16) + b"RGB " + bytes(16) + b"acsp" + bytes(300)
    text = ((b"tEXt", b"Comment\0by hand"),)
    given = Carry(exif=exif.tobytes()[6:], icc=profile, xmp=b"<x:xmpmeta/>" * 30, png=text)
    plain = animation()
    frames = [(frame, given) for frame, _ in plain.frames]
    kept = read(tmp_path, written(Picture(frames, plain.timing), suffix)).frames[0][1]
    assert (kept.icc, kept.xmp) == (given.icc, given.xmp)
    assert kept.exif == (b"" if suffix == ".gif" else given.exif)
    assert kept.png == (() if suffix == ".webp" else text)
    with Image.open(tmp_path / "picture") as image:
        assert image.info.get("xmp", given.xmp) == given.xmp
        assert image.n_frames == len(DURATIONS)


def test_all_frames_are_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    images = [Image.fromarray(drawn(n, clear=False)) for n in (1, 2)]
    file = io.BytesIO()
    images[0].save(
        file, "WEBP", save_all=True, append_images=images[1:], lossless=True, exif=exif.tobytes()
    )
    for (frame, carry), image in zip(read(tmp_path, file.getvalue()).frames, images, strict=True):
        np.testing.assert_array_equal(frame, np.rot90(np.array(image)[..., :3], -1))
        assert carry.alpha is None


@pytest.mark.parametrize("step", [Fraction(1, 3), Fraction(17, 10), 1])
def test_rounded_times_shift_no_moment(step: Fraction) -> None:
    durations = [step * number for number in (1, 2, 3, 1, 1, 1, 5)]
    moments = itertools.accumulate(durations)
    rounded = itertools.accumulate(whole_steps(durations))
    assert all(abs(one - other) <= Fraction(1, 2) for one, other in zip(moments, rounded))  # noqa: B905 - as long by construction


@pytest.mark.parametrize("name", [b"NETSCAPE2.0", b"ANIMEXTS1.0"])
@pytest.mark.parametrize(("stored", "plays"), [(0, 0), (1, 2), (65_535, 65_536)])
def test_a_gif_stores_how_often_it_is_repeated(
    tmp_path: Path, name: bytes, stored: int, plays: int
) -> None:
    data = written(animation(loop=plays), ".gif")
    assert b"NETSCAPE2.0\x03\x01" + struct.pack("<H", stored) + b"\0" in data
    assert read(tmp_path, data.replace(b"NETSCAPE2.0", name)).timing == Timing(DURATIONS, plays)


def test_a_gif_rounds_times_to_its_steps(tmp_path: Path) -> None:
    frames = animation().frames[:4]
    again = read(tmp_path, written(Picture(frames, Timing((33, 33, 33, 1))), ".gif"))
    assert again.timing == Timing((30, 40, 30, 0))


@pytest.mark.parametrize("duration", [0, 1, 65_535, 65_540, 655_350, 6_000_000])
def test_long_and_short_times_fit_into_a_moving_png(tmp_path: Path, duration: int) -> None:
    frames = animation().frames[:2]
    again = read(tmp_path, written(Picture(frames, Timing((duration, 5))), ".png"))
    assert again.timing == Timing((duration, 5))


def test_a_still_gif_is_exact_up_to_256_colours(tmp_path: Path) -> None:
    levels = np.arange(256).astype(np.uint8).reshape(16, 16)
    colours = np.stack([levels, levels.T, np.zeros_like(levels)], axis=2)
    for pixels in (levels[..., None], colours, drawn(1, clear=True)):
        picture = read(tmp_path, encode_image(*detach(pixels, Carry()), ".gif"))
        assert picture.timing is None
        equal(shown(picture), [visible(pixels)])
        frame, carry = read_image(tmp_path / "picture")
        assert carry.grey == (pixels.shape[2] == 1)
        np.testing.assert_array_equal(frame, picture.frames[0][0])


@pytest.mark.parametrize("alpha", [None, 127, 128])
def test_a_photo_becomes_a_dithered_gif(tmp_path: Path, alpha: int | None) -> None:
    y, x = np.mgrid[:120, :160]
    photo = np.dstack([x * 255 // 160, y * 255 // 120, (x + y) * 255 // 280]).astype(np.uint8)
    carry = Carry(alpha=None if alpha is None else np.full(x.shape, alpha, np.uint8))
    ((frame, kept),) = read(tmp_path, encode_image(photo, carry, ".gif")).frames
    if alpha == 127:
        assert kept.alpha is not None
        assert kept.alpha.max() == 0
        return
    assert kept.alpha is None
    blurred, wanted = (cv2.blur(part.astype(np.float32), (9, 9)) for part in (frame, photo))
    assert np.abs(blurred - wanted).mean() < 1.5
    assert len(np.unique(frame.reshape(-1, 3), axis=0)) <= 256


# ------------------------------------------------------------------ composition


def gif_of(frames: list[tuple[NDArray[np.uint8], tuple[int, int], int, bool]]) -> bytes:
    """Index arrays with their places, disposal 0–3, and whether index 3 is transparent."""
    palette = bytes((200, 10, 10, 10, 200, 10, 10, 10, 200, 250, 250, 250))
    data = b"GIF89a" + struct.pack("<HHBBB", 12, 9, 0x81, 1, 0) + palette
    for indices, (left, top), disposal, clear in frames:
        height, width = indices.shape
        data += b"!\xf9\x04" + struct.pack("<BHBB", disposal << 2 | clear, 7, 3, 0)
        data += b"," + struct.pack("<HHHHB", left, top, width, height, 0)
        data += b"\x08" + Image.fromarray(indices).tobytes("gif", "L", 8, 0) + b"\0"
    return data + b";"


@pytest.mark.parametrize("clear", [False, True])
@pytest.mark.parametrize("disposals", list(itertools.product(range(4), repeat=3)))
def test_gif_frames_are_composed(tmp_path: Path, disposals: tuple[int, ...], clear: bool) -> None:
    draw = np.random.default_rng(sum(disposals))
    places = ((0, 0, 9, 12), (2, 1, 4, 5), (1, 3, 6, 7), (0, 0, 3, 3))
    data = gif_of(
        [
            (draw.integers(0, 4, (height, width)).astype(np.uint8), (left, top), disposal, clear)
            for (left, top, height, width), disposal in zip(places, (*disposals, 1), strict=True)
        ]
    )
    picture = read(tmp_path, data)
    assert picture.timing == Timing((70,) * 4, 1)
    equal(shown(picture), by_pillow(data))


def test_gif_frames_beyond_the_screen(tmp_path: Path) -> None:
    whole = np.zeros((12, 14), np.uint8)
    first_larger = read(tmp_path, gif_of([(whole, (0, 0), 0, False), (whole, (0, 0), 0, False)]))
    assert [frame.shape for frame, _ in first_larger.frames] == [(12, 14, 3)] * 2
    small = whole[:9, :12]
    later = read(tmp_path, gif_of([(small, (0, 0), 0, False), (whole + 1, (3, 3), 0, False)]))
    assert [frame.shape for frame, _ in later.frames] == [(9, 12, 3)] * 2
    assert shown(later)[1][8, 11].tolist() == [10, 200, 10, 255]


@pytest.mark.parametrize("disposals", list(itertools.product(range(3), repeat=2)))
@pytest.mark.parametrize("blends", list(itertools.product(range(2), repeat=3)))
def test_png_frames_are_composed(
    tmp_path: Path, disposals: tuple[int, ...], blends: tuple[int, ...]
) -> None:
    places = ((0, 0, 9, 12), (2, 1, 4, 5), (1, 3, 6, 7))
    parts = [
        (drawn(number, clear=True, size=place[2:]), place[:2], disposal, blend)
        for number, (place, disposal, blend) in enumerate(
            zip(places, (*disposals, 0), blends, strict=True)
        )
    ]
    data = apng_of(parts)
    picture = read(tmp_path, data)
    assert picture.timing == Timing((33, 34, 33), 0)
    equal(shown(picture), laid(parts))
    if not any(part[2:] == (2, 1) for part in parts[1:]):  # Pillow forgets what was before those
        equal(shown(picture), by_pillow(data))


def laid(parts: list[tuple[NDArray[np.uint8], tuple[int, int], int, int]]) -> list[NDArray[Any]]:
    """Pixel by pixel what the PNG specification says of frames without half transparency."""
    canvas, frames = np.zeros((9, 12, 4), np.uint8), []
    for number, (pixels, (left, top), disposal, blend) in enumerate(parts):
        before = canvas.copy()
        for y, x in np.ndindex(pixels.shape[:2]):
            if not blend or pixels[y, x, 3]:
                canvas[top + y, left + x] = pixels[y, x]
        frames.append(visible(canvas))
        if disposal:
            restored = before if disposal == 2 and number else np.zeros_like(canvas)
            for y, x in np.ndindex(pixels.shape[:2]):
                canvas[top + y, left + x] = restored[top + y, left + x]
    return frames


def apng_of(
    frames: list[tuple[NDArray[np.uint8], tuple[int, int], int, int]], *, extra: bytes = b""
) -> bytes:
    """RGBA arrays with their places, disposal 0–2 and blend 0–1, each shown a 30th of a second."""
    first = frames[0][0]
    header, *rest = png.chunks(encode_image(*detach(first | np.uint8(0), Carry()), ".png"))
    chunks = [header, (b"acTL", struct.pack(">II", len(frames), 0))]
    numbers = itertools.count()
    if extra:
        chunks.append((b"IDAT", extra))
    for index, (pixels, (left, top), disposal, blend) in enumerate(frames):
        height, width = pixels.shape[:2]
        control = struct.pack(">IIIIHHBB", width, height, left, top, 1, 30, disposal, blend)
        chunks.append((b"fcTL", struct.pack(">I", next(numbers)) + control))
        for name, body in png.chunks(encode_plain(pixels)):
            if name == b"IDAT" and (index or extra):
                chunks.append((b"fdAT", struct.pack(">I", next(numbers)) + body))
            elif name == b"IDAT":
                chunks.append((name, body))
    return png.file(chunks, rest[-1:])


def encode_plain(pixels: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_half_transparent_pixels_are_laid_over(dtype: Any) -> None:
    top = int(np.iinfo(dtype).max)
    draw = np.random.default_rng(0)
    below, above = draw.integers(0, top, (2, 6, 5, 4), endpoint=True).astype(dtype)
    below[0, :, 3], above[1, :, 3], above[2, :, 3] = 0, 0, top
    laid = apng._over(below, above)
    for at in np.ndindex(6, 5):
        (*under, a), (*over, b) = (
            [Fraction(int(value), top) for value in pixel[at]] for pixel in (below, above)
        )
        alpha = b + a * (1 - b)
        assert abs(int(laid[at][3]) - alpha * top) <= Fraction(51, 100)
        for channel in range(3 if alpha else 0):
            wanted = (over[channel] * b + under[channel] * a * (1 - b)) / alpha
            assert abs(int(laid[at][channel]) - wanted * top) <= Fraction(51, 100)


def test_a_picture_that_stands_in_for_an_animation_is_no_frame_of_it(tmp_path: Path) -> None:
    frames = [(drawn(number, clear=False), (0, 0), 0, 0) for number in (1, 2)]
    other = dict(png.chunks(encode_plain(drawn(9, clear=False))))[b"IDAT"]
    picture = read(tmp_path, apng_of(frames, extra=other))
    equal(shown(picture), [visible(frame) for frame, *_ in frames])
    assert len(picture.notes) == 1


@pytest.mark.skipif(not ODD.is_dir(), reason="the odd pictures are not on this machine")
@pytest.mark.parametrize(
    "name",
    [
        "pillow/dispose_bgnd.gif",
        "pillow/dispose_bgnd_transparency.gif",
        "pillow/dispose_none_load_end.gif",
        "pillow/dispose_prev_first_frame.gif",
        "pillow/iss634.gif",
        "pillow/no_palette_with_transparency_after_rgb.gif",
        "pillow/transparent_dispose.gif",
        "pngsuite/animated__basic_f20.png",
    ],
)
def test_found_animations_are_composed_and_survive(tmp_path: Path, name: str) -> None:
    picture = read_picture(ODD / name)
    equal(shown(picture), by_pillow((ODD / name).read_bytes()))
    for suffix in MOVING[: 2 if len(picture.frames) > 30 else 3]:
        again = read(tmp_path, written(picture, suffix))
        assert len(again.frames) == len(picture.frames)
        assert picture.timing is not None
        assert again.timing is not None
        assert again.timing.loop == picture.timing.loop
        assert sum(again.timing.durations) == pytest.approx(sum(picture.timing.durations), abs=5)
        if suffix != ".gif":
            assert again.timing == picture.timing
            equal(shown(again), shown(picture))


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".bmp", ".avif"])
def test_an_animation_stays_out_of_formats_that_do_not_move(suffix: str) -> None:
    if suffix == ".avif":
        pytest.importorskip("PIL._avif", reason="this Pillow cannot write AVIF")
    with pytest.raises(ItemError, match="of 5 frames cannot be an? [A-Z]+: choose --format"):
        written(animation(), suffix)


def test_frames_of_several_sizes_are_refused() -> None:
    frames = [(np.zeros((4, side, 3), np.uint8), Carry()) for side in (4, 5)]
    for suffix in MOVING:
        with pytest.raises(ItemError, match="several sizes"):
            written(Picture(frames, Timing((1, 1))), suffix)


@pytest.mark.parametrize("suffix", MOVING)
def test_one_frame_of_an_animation_is_nobodys_guess(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "a").write_bytes(written(animation(), suffix))
    with pytest.raises(ItemError, match="5 frames"):
        read_image(tmp_path / "a")


@pytest.mark.parametrize("suffix", MOVING)
def test_the_budget_counts_all_frames(tmp_path: Path, suffix: str) -> None:
    data = written(animation(), suffix)
    size = 19 * 27 * 5
    read(tmp_path, data, Limits(pixels=size))
    read(tmp_path, data, Limits(scale=4, result=16 * size))
    for limits in (Limits(pixels=size - 1), Limits(scale=4, result=16 * size - 1)):
        with pytest.raises(ItemError, match=r"27×19 with 5 frames.*raise --max-pixels"):
            read(tmp_path, data, limits)


def test_a_bomb_is_refused_by_its_size(tmp_path: Path) -> None:
    small = np.zeros((2, 2), np.uint8)
    data = gif_of([(small, (0, 0), 0, False), (small, (65_000, 65_000), 0, False)])
    for bomb in (data, data[:6] + b"\xff\xff\xff\xff" + data[10:]):
        with pytest.raises(ItemError, match="raise --max-pixels"):
            read(tmp_path, bomb)


@pytest.mark.parametrize("clear", [False, True])
@pytest.mark.parametrize("suffix", MOVING)
def test_a_cut_animation_never_has_fewer_frames(tmp_path: Path, suffix: str, clear: bool) -> None:
    data = written(animation(clear=clear), suffix)
    for cut in {*range(1, len(data), 37), *range(len(data) - 12, len(data))}:
        with pytest.raises(ItemError):
            read(tmp_path, data[:cut])
    read(tmp_path, data + b"\0 harmless bytes after the end")


@pytest.mark.parametrize("missing", [1, 2, 9, 40, 300])
def test_a_gif_frame_that_lacks_pixels_is_refused(tmp_path: Path, missing: int) -> None:
    indices = np.random.default_rng(0).integers(0, 4, (9, 12)).astype(np.uint8)
    for broken in range(3):
        parts = [(indices, (0, 0), 0, False)] * 3
        data = gif_of(parts)
        packed = Image.fromarray(indices).tobytes("gif", "L", 8, 0)
        blocks = packed[1 : 1 + packed[0]]
        assert len(packed) == 1 + packed[0]
        left = blocks[: max(len(blocks) - 1 - missing, 0)]  # the last byte may be the end code
        before, *rest = data.split(b"\x08" + packed + b"\0")
        ends = [b"\x08" + packed + b"\0"] * 3
        ends[broken] = b"\x08" + (bytes((len(left),)) + left if left else b"") + b"\0"
        damaged = before + b"".join(end + part for end, part in zip(ends, rest, strict=True))
        with pytest.raises(ItemError):
            read(tmp_path, damaged)


@pytest.mark.parametrize("lost", [b"fcTL", b"fdAT"])
def test_a_moving_png_that_lacks_a_part_is_refused(tmp_path: Path, lost: bytes) -> None:
    chunks = list(png.chunks(written(animation(), ".png")))
    places = [number for number, (name, _) in enumerate(chunks) if name == lost]
    for place in places:
        with pytest.raises(ItemError):
            read(tmp_path, png.file(chunks[:place] + chunks[place + 1 :]))
    with pytest.raises(ItemError):
        read(tmp_path, png.file(chunks[: places[-1]] + chunks[-1:]))


def test_a_moving_png_out_of_order_is_refused(tmp_path: Path) -> None:
    chunks = list(png.chunks(written(animation(), ".png")))
    first, second = [number for number, (name, _) in enumerate(chunks) if name == b"fcTL"][2:4]
    chunks[first], chunks[second] = chunks[second], chunks[first]
    with pytest.raises(ItemError, match="out of order"):
        read(tmp_path, png.file(chunks))


def test_a_moving_webp_that_lacks_a_frame_is_refused(tmp_path: Path) -> None:
    data = bytearray(written(animation(), ".webp"))
    last = data.rindex(b"ANMF")
    data[last + 8 + 16 + 8 :] = bytes(len(data) - last - 32)
    with pytest.raises(ItemError):
        read(tmp_path, bytes(data))


def test_a_moving_avif_is_read(tmp_path: Path) -> None:
    pytest.importorskip("PIL._avif", reason="this Pillow cannot read AVIF")
    images = [Image.new("RGB", (16, 12), (60 * number, 9, 9)) for number in (1, 2, 2, 3)]
    file = io.BytesIO()
    images[0].save(
        file, "AVIF", save_all=True, append_images=images[1:], duration=[100, 33, 250, 40]
    )
    picture = read(tmp_path, file.getvalue())
    assert picture.timing == Timing((100, 33, 250, 40))
    for (frame, _), image in zip(picture.frames, images, strict=True):
        assert np.abs(frame.astype(int) - np.array(image)).max() < 8
    with pytest.raises(ItemError, match="4 frames"):
        read_image(tmp_path / "picture")
