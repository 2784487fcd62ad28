"""Each layer alone in int8, and each alone in float."""

from __future__ import annotations

import json
import sys
from importlib.abc import MetaPathFinder

import pytest

from convert.report.evidence import plain
from convert.report.sensitivity import Sensitivity, measure
from edge.errors import DataError, ModelError
from tests.support.tiny_networks import tiny_pair


@pytest.fixture(scope="module")
def measured() -> Sensitivity:
    pair = tiny_pair()
    return measure(pair.float_content, pair.wafers, patterns=9, int8_content=pair.int8_content)


class Absent(MetaPathFinder):
    """Makes a package look as if it was not installed."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname.partition(".")[0] == self.package:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


def test_the_weak_layer_stands_out(measured: Sensitivity) -> None:
    """The dense layer, whose scale a useless large weight has taken."""
    effects = {
        layer.operator: (layer.alone.probability_change, layer.without.probability_change)
        for layer in measured.layers
        if layer.alone and layer.without
    }
    weak_alone, weak_without = effects.pop("FULLY_CONNECTED")
    assert set(effects) == {"CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "MEAN", "MUL"}
    assert all(alone > 0 for alone, _ in effects.values())
    assert weak_alone > 5 * max(alone for alone, _ in effects.values())
    assert weak_without < min(without for _, without in effects.values()) / 5


def test_all_layers_together_are_the_int8_network_in_use(measured: Sensitivity) -> None:
    """Else the figures would speak for some other network."""
    assert measured.against_given is not None
    assert measured.against_given.probability_change < 1e-5
    assert measured.against_given.class_changes == 0
    assert measured.all_int8.probability_change > 1e-3


def test_a_layer_that_the_quantizer_cannot_take_says_so(measured: Sensitivity) -> None:
    (layer,) = [layer for layer in measured.layers if layer.operator == "REDUCE_MAX"]
    assert (layer.alone, layer.without) == (None, None)
    assert "no int8 form of REDUCE_MAX" in str(layer.reason)
    assert [layer.reason for layer in measured.layers].count(None) == len(measured.layers) - 1


def test_record(measured: Sensitivity) -> None:
    record = json.loads(json.dumps(plain(measured), allow_nan=False))
    assert record["wafers"] == len(tiny_pair().wafers)
    assert record["layers"][0]["alone"]["class_changes"] == 0


def test_the_number_of_wafers_is_capped_and_a_high_temperature_levels_the_answers() -> None:
    pair = tiny_pair()
    seen: list[tuple[int, int]] = []
    level = measure(
        pair.float_content,
        pair.wafers,
        patterns=9,
        temperature=1e6,
        limit=5,
        progress=lambda done, total: seen.append((done, total)),
    )
    total = len(level.layers)
    assert seen == [(done, total) for done in range(1, total + 1)]
    assert level.wafers == 5
    assert level.against_given is None
    assert level.all_int8.probability_change < 1e-6


def test_what_cannot_be_measured_is_refused() -> None:
    pair = tiny_pair()
    with pytest.raises(ModelError, match="this one is int8"):
        measure(pair.int8_content, pair.wafers, patterns=9)
    with pytest.raises(DataError, match="no wafer"):
        measure(pair.float_content, pair.wafers[:0], patterns=9)


def test_without_the_quantizer_its_name_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("ai_edge_quantizer")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Absent("ai_edge_quantizer"), *sys.meta_path])
    with pytest.raises(ModuleNotFoundError) as error:
        measure(tiny_pair().float_content, tiny_pair().wafers, patterns=9)
    assert error.value.name == "ai_edge_quantizer"
