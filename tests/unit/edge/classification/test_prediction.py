"""A prediction shows itself: in one line, as a table with its picture, as a figure."""

from __future__ import annotations

import re
import sys
import warnings
from dataclasses import replace
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from edge.classification.classifier import Classifier
from edge.classification.prediction import Prediction
from edge.errors import UsageError
from edge.model.model_file import load
from edge.verdict.rule import Reason, Verdict
from edge.wafer.patterns import PATTERNS
from edge.wafer.probes import probe
from edge.wafer.wafermap import WaferMap
from tests.support.cli import python
from tests.support.model_files import called, with_metadata

#: Names that a terminal, a page or a formula would take for something else.
NASTY = "$\\frac{$<b>&\x1b[31m\udcff晶圆\n.npy"


@pytest.fixture(scope="module")
def prediction() -> Prediction:
    wafer = WaferMap(probe(3), "lot/wafer.npy", 4, lot="A12", wafer="07")
    return Classifier(load()).classify(wafer)


def test_predictions_are_compared_by_what_they_say(prediction: Prediction) -> None:
    again = Classifier(load()).classify(replace(prediction.wafer_map))
    assert again == prediction
    assert not again != prediction  # noqa: SIM202 - a tuple has one of its own
    assert len({again, prediction}) == 1
    assert prediction.embedding is not None
    for other in (
        prediction._replace(pattern="none"),
        prediction._replace(embedding=prediction.embedding + 1),
        prediction._replace(embedding=None),
        tuple(prediction),
    ):
        assert other != prediction


@pytest.mark.parametrize("top_k", [0, -1])
def test_no_pattern_at_all_is_not_kept(prediction: Prediction, top_k: int) -> None:
    with pytest.raises(UsageError, match=f"top_k is {top_k}, must be from 1 up"):
        prediction.as_record(top_k)


def named(prediction: Prediction, source: str) -> Prediction:
    return prediction._replace(wafer_map=replace(prediction.wafer_map, source=source))


class Page(HTMLParser):
    """Its tags balance."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in {"br", "img"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


class Absent:
    """A machine without matplotlib."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "matplotlib":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_one_line(prediction: Prediction) -> None:
    accepted = prediction._replace(verdict=Verdict.ACCEPT, reason=None)
    share = f"{100 * prediction.probability:.1f}"
    start = f"<Prediction {prediction.pattern} {share} %, "
    assert repr(accepted) == f"{start}accept, lot/wafer.npy[4], lot A12, wafer 07>"
    review = prediction._replace(verdict=Verdict.REVIEW, reason=Reason.MIXED)
    assert repr(review).startswith(f"{start}review: mixed, lot/")
    bare = accepted._replace(wafer_map=WaferMap(probe(3)))
    assert repr(bare) == f"{start}accept>"
    assert repr(named(prediction, NASTY)).isprintable()


def test_a_notebook_shows_wafer_bars_and_verdict(prediction: Prediction) -> None:
    page = Page()
    page.feed(named(prediction, NASTY)._repr_html_())
    assert page.open == []
    assert any("<b>&?[31m?" in word for word in page.words), "a name is text, whatever it holds"
    assert set(prediction.probabilities) <= set(page.words)
    html = prediction._repr_html_()
    assert html.isprintable()
    widths = [float(width) for width in re.findall(r"height:9px;width:([\d.]+)%", html)]
    assert sum(widths) == pytest.approx(100, abs=0.5)
    assert len(html) < 20_000


@pytest.mark.parametrize("source", ["wafer.npy", NASTY, "x" * 500])
def test_the_png_is_one(prediction: Prediction, source: str) -> None:
    pytest.importorskip("matplotlib")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")
        content = named(prediction, source)._repr_png_()
    drawn = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert drawn is not None
    assert drawn.shape[1] > 2 * drawn.shape[0] > 400
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 20


@pytest.fixture(scope="module")
def nasty() -> Prediction:
    """Of a model file whose patterns are called what a page or a formula obeys."""
    names = ["$\\frac{$<b>&", "x" * 100, *"abcdef", "ok"]
    change = called(*names, hints={names[0]: "<i>a worn chuck</i>", "a": "dust"})
    made = Classifier(with_metadata(load(), change)).classify(WaferMap(probe(3)))
    return made._replace(pattern=names[0], hint="<i>a worn chuck</i>")


def test_what_a_pattern_points_to_stands_in_its_prediction() -> None:
    hints = dict.fromkeys(PATTERNS, "dust")
    model = with_metadata(load(), called(*PATTERNS, hints=hints))
    assert Classifier(model).classify(WaferMap(probe(3))).hint == "dust"
    assert Classifier(load()).classify(WaferMap(probe(3))).hint == ""


def test_names_of_patterns_are_text_on_a_page_and_in_a_figure(nasty: Prediction) -> None:
    page = Page()
    html = nasty._repr_html_()
    page.feed(html)
    assert not page.open
    assert "<b>&" not in html
    assert "&lt;i&gt;a worn chuck" in html
    pytest.importorskip("matplotlib")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns where no room is left for the bars
        assert nasty._repr_png_().startswith(b"\x89PNG")


def test_a_sheet_of_ones_own_gets_the_map_alone(prediction: Prediction) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    assert prediction.plot(axes) is axes
    assert len(axes.images) == 1
    assert axes.get_title().startswith(f"{prediction.pattern} ")


def test_a_figure_of_its_own_has_map_and_bars(prediction: Prediction) -> None:
    pytest.importorskip("matplotlib")
    code = """
import matplotlib; matplotlib.use("agg")
import wm_edge
from edge.wafer.probes import probe
axes = wm_edge.classify(probe(3)).plot()
print(len(axes.figure.axes), len(axes.figure.axes[1].patches))
"""
    assert python(code).text == "2 9\n"


def test_without_matplotlib_there_is_the_map_and_a_mend(
    prediction: Prediction, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Absent(), *sys.meta_path])
    with pytest.raises(ModuleNotFoundError, match="pip install matplotlib"):
        prediction.plot()
    content = np.frombuffer(prediction._repr_png_(), np.uint8)
    assert max(cv2.imdecode(content, cv2.IMREAD_COLOR).shape) <= 192
    assert "<img" in prediction._repr_html_()
