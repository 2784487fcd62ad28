"""Each remedy at work on a network that plain int8 spoils.

``error`` is that of the logits, as a share of their spread over the wafers. The int8 output alone
costs the sound network 0.05 of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import islice
from typing import Any

import numpy as np
import pytest

from convert.quantise import quantise
from convert.remedy.search import Build
from convert.remedy.trials import trials
from edge.model.flatbuffer import read

keras = pytest.importorskip("keras")

#: What the cases' plain conversion must exceed, and a remedy for them stay under.
SPOILT, HEALED = 0.18, 0.09


def plain(case: Any) -> float:
    return float(case.error(quantise(case.network, case.calibration)))


def errors(case: Any, remedies: Iterable[tuple[str, Build]]) -> dict[str, float]:
    return {name: case.error(build()[0]) for name, build in remedies}


def runs_in_tensorflow(content: bytes) -> bool:
    """Whose kernels are older than LiteRT's, as a station's may be."""
    from tensorflow.lite.python.interpreter import Interpreter, OpResolverType

    for kernels in (OpResolverType.BUILTIN, OpResolverType.BUILTIN_REF):
        interpreter = Interpreter(model_content=content, experimental_op_resolver_type=kernels)
        interpreter.allocate_tensors()
        interpreter.invoke()
    return True


def test_rare_outlier_is_cured_by_clipping(rare: Any) -> None:
    """A range that holds the one cell of one wafer leaves the rest of the values no levels."""
    before = plain(rare)
    assert before > 1
    told: list[str] = []
    found = list(islice(trials(rare.network, rare.calibration, rare.wafers, told.append), 4))
    assert told == [f"remedy: {trial.name}" for trial in found], "built before it was asked for"
    after = {trial.name: rare.error(trial.content) for trial in found}
    assert after["min-max, more wafers"] > 1
    assert after["percentile 99.99"] < HEALED
    assert after["percentile 99.9"] < before / 5
    assert after["least squared error"] < before * 0.7
    assert json.loads(json.dumps(found[0].as_dict()))["note"] == "660 wafers"


def test_pale_calibration_is_cured_by_more_wafers(pale: Any) -> None:
    before = plain(pale)
    (found,) = islice(trials(pale.network, pale.calibration, pale.wafers), 1)
    assert before > 1
    assert pale.error(found.content) < HEALED


def test_enormous_channel_is_cured_by_evening_it_out(enormous: Any) -> None:
    from convert.remedy.equalise import equalised, remedies
    from convert.remedy.graph import folded

    network = folded(enormous.network)
    even, pairs = equalised(network, enormous.calibration.planes)
    assert pairs == 1
    shares = enormous.judged[:20].astype(np.float32) / np.float32(255)
    for one, two in zip(network(shares), even(shares), strict=True):
        assert np.asarray(two) == pytest.approx(np.asarray(one), abs=1e-4)
    assert plain(enormous) > SPOILT
    (after,) = errors(enormous, remedies(network, enormous.calibration)).values()
    assert after < HEALED


@pytest.mark.parametrize("case", ["enormous", "enormous_of_one_output"])
def test_enormous_channel_is_cured_by_float_and_by_16_bits(
    case: str, request: pytest.FixtureRequest
) -> None:
    from convert.remedy.graph import folded
    from convert.remedy.mixed import remedies

    spoilt = request.getfixturevalue(case)
    built = {name: build() for name, build in remedies(folded(spoilt.network), spoilt.calibration)}
    assert list(built) == [
        "1 most sensitive activation in float",
        "3 most sensitive activations in float",
        "1 most sensitive activation in 16x8",
        "3 most sensitive activations in 16x8",
        "everything in 16x8",
    ]
    for name, (content, note) in built.items():
        assert spoilt.error(content) < HEALED, name
        inside = read(content)
        convolutions = [op for op in inside.operators if op.name == "CONV_2D"]
        types = {inside.tensors[op.outputs[0]].dtype for op in convolutions}
        assert types == {"float32" if "in float" in name else "int16"}, name
        assert runs_in_tensorflow(content), name
        if name.startswith("1 "):
            assert note.endswith(": CONV_2D 1, CONV_2D 2 of 7 operators"), note


def test_enormous_channel_is_cured_by_fine_tuning(enormous: Any) -> None:
    """More than by the ranges that it starts from, and without labels."""
    from convert.remedy.finetune import fine_tuned, first_ranges
    from convert.remedy.graph import folded, with_ranges

    network, planes = folded(enormous.network), enormous.calibration.planes
    logits = enormous.wanted()
    untrained = with_ranges(network, first_ranges(network, planes))
    trained = fine_tuned(network, planes, enormous.wafers, steps=80, rate=2e-3)
    before, after = (
        enormous.error(quantise(found, enormous.calibration)) for found in (untrained, trained)
    )
    assert after < before * 0.8
    assert after < HEALED
    assert plain(enormous) > SPOILT
    assert np.array_equal(enormous.wanted(), logits), "the teacher learned"


def test_what_cannot_be_built_says_why_and_the_next_one_comes(
    pale: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network of one layer has no next one to even out with."""
    monkeypatch.setattr("convert.remedy.clipping.remedies", lambda *_: iter(()))
    inputs = keras.Input(pale.judged.shape[1:])
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    network = keras.Model(inputs, keras.layers.Dense(9)(x))
    first, second = islice(trials(network, pale.calibration, pale.wafers), 2)
    assert (first.name, first.content) == ("equalised channels", None)
    assert first.failure.startswith("ValueError: no layer passes its output")
    assert first.as_dict()["built"] is False
    assert second.content
    assert not second.failure


def test_a_network_of_no_known_kind_is_one_failure(pale: Any) -> None:
    class Odd(keras.Model):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x

    (found,) = trials(Odd(), pale.calibration, pale.wafers)
    assert found.content is None
    assert found.failure.startswith("the network cannot be taken apart: ")
