"""Laws of a chain: it is its tasks one after the other, in one Pipeline."""

import numpy as np
import pytest

from gantool import Frames, Pipeline
from gantool.chain import chained, shares
from gantool.errors import ItemError, UsageError

NOISE = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
GREY = np.repeat(NOISE[..., :1], 3, axis=2)


def doubled(frame):
    return np.kron(frame, np.ones((2, 2, 1), frame.dtype))


def reddened(frame):
    return np.minimum(frame, [255, 100, 50]).astype(frame.dtype)


def one(frame, predict):
    return predict(frame)


LARGE = Pipeline(("large",), one, label="x2", scale=2, kind="enhanced")
RED = Pipeline(("red",), one, label="red", scale=1)


def counting(frames, predict):
    """Adds how many frames there were before, which it remembers under a name that others use."""
    for frame in frames:
        number = int(frames.memory.get("count", np.zeros(1))[0])
        frames.memory["count"] = np.array([number + 1])
        yield (predict(frame) + np.uint8(number)).astype(np.uint8)


def test_a_chain_of_one_is_the_task_itself():
    assert chained([LARGE]) is LARGE


def test_models_go_to_their_tasks_in_order():
    two = Pipeline(("b", "c"), lambda frame, b, c: c(b(frame)))
    chain = chained([RED, two, LARGE])
    assert chain.models == ("red", "b", "c", "large")
    made = chain.process(NOISE, reddened, np.flipud, np.fliplr, doubled)
    assert (made == doubled(np.fliplr(np.flipud(reddened(NOISE))))).all()


@pytest.mark.parametrize("counts", [(1,), (2, 0, 3), (0, 0)])
def test_shares_are_all_things_once(counts):
    pipelines = [Pipeline(("m",) * count) for count in counts]
    parts = shares(pipelines, range(sum(counts)))
    assert [len(part) for part in parts] == list(counts)
    assert [each for part in parts for each in part] == list(range(sum(counts)))


def test_what_tasks_say_is_put_together():
    chain = chained([RED, LARGE, LARGE])
    assert (chain.scale, chain.label, chain.kind) == (4, "red+x2+x2", "composite")
    assert chained([LARGE, Pipeline(("m",))]).scale is None
    assert chained([LARGE, LARGE]).kind == "enhanced"
    keep, colour = Pipeline(()), Pipeline((), grey="colour", alpha="model", sample="a.jpg")
    assert [chained(pair).grey for pair in ((keep, keep), (keep, colour), (colour, keep))] == [
        "keep", "colour", "colour",
    ]  # fmt: skip
    assert (chained([colour, keep]).alpha, chained([colour, colour]).alpha) == ("resize", "model")
    assert (chained([colour, keep]).sample, chained([keep, colour]).sample) == ("a.jpg", None)


def test_grey_stays_grey_until_a_task_gives_colours():
    seen = []

    def look(frame):
        seen.append(frame)
        return frame

    chained([RED, Pipeline(("look",), one)]).process(GREY, reddened, look)
    coloured = Pipeline(("red",), one, grey="colour")
    chained([coloured, Pipeline(("look",), one)]).process(GREY, reddened, look)
    chained([RED, Pipeline(("look",), one)]).process(NOISE, reddened, look)
    assert [bool((frame == frame[..., :1]).all()) for frame in seen] == [True, False, False]
    assert (seen[1] == reddened(GREY)).all()


def test_sixteen_bits_stay():
    made = chained([RED, LARGE]).process(NOISE.astype(np.uint16) * 257, one_of, doubled)
    assert made.dtype == np.uint16


def one_of(frame):
    return frame


def test_only_the_last_gives_several_results():
    several = Pipeline(("s",), lambda frame, _: {"a": frame, "b": frame}, results=("a", "b"))
    assert chained([RED, several]).results == ("a", "b")
    assert set(chained([RED, several]).process(NOISE, reddened, None)) == {"a", "b"}
    with pytest.raises(UsageError, match="part 1 gives 2 results: only the last may"):
        chained([several, RED])
    unsaid = Pipeline(("s",), several.process)
    with pytest.raises(ItemError, match="2 results"):
        chained([unsaid, RED]).process(NOISE, None, reddened)


def test_a_middle_task_may_name_its_one_result():
    named = Pipeline(("s",), lambda frame, _: {"1": frame}, results=("1",))
    assert (chained([named, LARGE]).process(NOISE, None, doubled) == doubled(NOISE)).all()


COUNTING = Pipeline(("m",), one, counting)


@pytest.mark.parametrize(
    "chain", [(COUNTING, COUNTING), (RED, COUNTING), (COUNTING, RED), (COUNTING, LARGE, COUNTING)]
)
def test_a_film_goes_through_as_through_the_tasks_and_goes_on_where_it_was(chain):
    predicts = [doubled if each is LARGE else reddened for each in chain]
    film = [NOISE + np.uint8(number) for number in range(6)]
    straight = film
    for pipeline, predict in zip(chain, predicts, strict=True):
        stream = pipeline.stream or (lambda frames, predict: map(predict, frames))
        straight = list(stream(Frames(straight), predict))
    whole = chained(chain)
    first, rest = {}, {}
    made = list(whole.stream(Frames(film[:3], first), *predicts))
    rest.update(first)
    made += list(whole.stream(Frames(film[3:], rest), *predicts))
    assert all((one == other).all() for one, other in zip(made, straight, strict=True))
    assert len(first) == sum(each is COUNTING for each in chain)


def test_what_is_remembered_is_there_with_each_result():
    memory = {}
    results = chained([COUNTING, RED, COUNTING]).stream(
        Frames(iter([NOISE] * 3), memory), reddened, reddened, reddened
    )
    for number, _ in enumerate(results, 1):
        assert {name: int(value[0]) for name, value in memory.items()} == {
            "0.count": number,
            "2.count": number,
        }


def test_without_a_stream_there_is_none():
    assert chained([RED, LARGE]).stream is None
    assert chained([RED, COUNTING]).stream is not None
