"""The page: whole, offline, escaped, readable without seeing it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from convert.parity import Level, Variant
from convert.report import page
from convert.report.evidence import Appendix, Evidence, plain
from convert.report.measure import measure
from edge.dataset.labelled_set import LabelledSet
from edge.errors import UsageError
from edge.evaluation.yield_table import outcome_of, share_of
from edge.evaluation.yield_wafers import Kind
from edge.model.model_file import ModelFile
from edge.wafer.patterns import PATTERNS

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202e{{ 7 * 7 }}"

#: What stands on the page, in this order.
SECTIONS = (
    *("accuracy", "confusion", "reliability", "changed", "detection", "layers", "ranges"),
    *(
        "network",
        "calibration",
        "tensors",
        "latency",
        "review",
        "yields",
        "appendix-1",
        "provenance",
    ),
)


class Elements(HTMLParser):
    """All elements of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attributes for name, attributes in self.found if name == tag)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def rendered(evidence: Evidence) -> str:
    return page.render(evidence)


@pytest.fixture(scope="module")
def elements(rendered: str) -> Elements:
    return Elements(rendered)


def test_verdict_comes_first_and_sections_in_order(elements: Elements, evidence: Evidence) -> None:
    identities = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert identities == ["verdict", *SECTIONS]
    assert elements.text.index(evidence.verdict.text) < elements.text.index("Accuracy of each")


def test_nothing_is_fetched_and_nothing_runs(elements: Elements) -> None:
    assert not list(elements.all("script"))
    addresses = [
        value
        for _, attributes in elements.found
        for name, value in attributes.items()
        if name in {"src", "href", "srcset", "action", "data", "poster"}
    ]
    assert all(value and value.startswith(("data:", "#")) for value in addresses)
    policy = next(a for a in elements.all("meta") if "http-equiv" in a)
    assert "default-src 'none'" in (policy["content"] or "")
    assert not any(name.startswith("on") for _, found in elements.found for name in found)


def test_figures_and_wafers_are_described(elements: Elements, evidence: Evidence) -> None:
    images = list(elements.all("img"))
    assert evidence.changes is not None
    assert evidence.changes.shown
    assert len(images) == 7 + len(Kind) + len(evidence.changes.shown)
    assert all(len(image["alt"] or "") > 20 for image in images)


def test_tables_name_their_rows_and_columns(elements: Elements) -> None:
    heads = list(elements.all("th"))
    assert len(heads) > 100
    assert all(head.get("scope") in {"row", "col"} for head in heads)


def test_every_figure_of_the_accuracy_table_is_there(
    elements: Elements, evidence: Evidence
) -> None:
    for variant in (Variant.FLOAT, Variant.INT8):
        for name in PATTERNS:
            score = evidence.outcomes[variant].scores.per_class[name]
            low, high = (100 * bound for bound in score.ci95)
            assert f"{100 * score.recall:.1f} {low:.1f}–{high:.1f}" in elements.text


def test_every_yield_is_shown_by_pattern_and_share(elements: Elements, evidence: Evidence) -> None:
    swept = evidence.yields
    shown = elements.text.partition("On every yield")[2].partition("What this report is about")[0]
    for bar in swept.bars:
        low, high = (100 * bound for bound in bar.ci95)
        assert f"{100 * bar.share:.2f} {low:.2f}–{high:.2f} {outcome_of(bar)}" in shown
    cell = swept.cells[Kind.ROUND]["none"][-1]
    parts = (share_of(count, cell.wafers) for count in (cell.right, cell.wrong, cell.review))
    assert f"{share_of(cell.named, cell.wafers)} {' / '.join(parts)}" in shown
    assert json.loads(json.dumps(plain(evidence)))["yields"] == swept.as_dict()


def test_names_cannot_inject_markup(evidence: Evidence) -> None:
    assert evidence.changes is not None
    assert evidence.layers is not None
    spoiled = replace(
        evidence,
        model=HOSTILE,
        data=HOSTILE,
        warnings=(HOSTILE,),
        provenance={HOSTILE: HOSTILE},
        changes=replace(
            evidence.changes,
            shown=(replace(evidence.changes.shown[0], lot=HOSTILE, number=HOSTILE),),
        ),
        layers=replace(
            evidence.layers,
            layers=(replace(evidence.layers.layers[0], name="\x1b\\$\\frac{$a$" + HOSTILE),),
            float_only=(HOSTILE,),
        ),
        review=replace(evidence.review, objective={HOSTILE: 1.0}),
        yields=replace(
            evidence.yields,
            cells={Kind.ROUND: {HOSTILE: evidence.yields.cells[Kind.ROUND]["none"]}},
            bars=(replace(evidence.yields.bars[0], pattern=HOSTILE),),
        ),
        appendices=(Appendix(HOSTILE, HOSTILE, (HOSTILE,), ((HOSTILE,),)),),
    )
    text = page.render(spoiled)
    found = Elements(text)
    assert not list(found.all("script"))
    assert all((image["src"] or "").startswith("data:image/") for image in found.all("img"))
    assert not any(name.startswith("on") for _, attributes in found.found for name in attributes)
    assert text.count("&lt;script&gt;") >= 10
    assert "{{ 7 * 7 }}" in found.text
    assert "\u202e" not in text


def test_what_a_pattern_points_to_stands_beside_it(evidence: Evidence, rendered: str) -> None:
    hinted = {**evidence.review.patterns}
    hinted["Loc"] = replace(hinted["Loc"], hint=HOSTILE)
    text = page.render(replace(evidence, review=replace(evidence.review, patterns=hinted)))
    assert "&lt;script&gt;" in text
    assert "<script>alert" not in text
    assert "usually points to" in text
    assert "usually points to" not in rendered


def test_gaps_are_said_and_not_passed_over(shipped: ModelFile, generated: LabelledSet) -> None:
    bare = measure(shipped, generated, data="generated")
    found = Elements(page.render(bare))
    assert [a["id"] for _, a in found.found if "id" in a] == ["verdict", *SECTIONS]
    assert found.text.count("there is no float TFLite network") >= 5
    verdict = next(a for a in found.all("p") if a.get("id") == "verdict")
    assert verdict["class"] == "verdict unknown"


def test_red_verdict_is_red_and_an_appendix_stands_before_the_provenance(
    evidence: Evidence,
) -> None:
    added = Appendix("Strange wafers", "What no class covers.", ("kind", "seen"), (("a", "97 %"),))
    verdict = replace(evidence.verdict, level=Level.RED, text="RED: Loc")
    found = Elements(page.render(replace(evidence, verdict=verdict, appendices=(added,))))
    shown = next(a for a in found.all("p") if a.get("id") == "verdict")
    assert shown["class"] == "verdict red"
    text = found.text
    assert text.index("What no class covers.") < text.index("What this report is about")
    assert "97 %" in text


def test_page_and_twin_are_written_together_and_the_same_each_time(
    evidence: Evidence, rendered: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.report.html"
    page.write(evidence, path)
    assert path.read_text("utf-8") == rendered
    twin = json.loads((tmp_path / "a.report.json").read_text("utf-8"))
    assert twin["verdict"]["text"] == evidence.verdict.text
    with pytest.raises(UsageError, match="exists already"):
        page.write(evidence, path)
    path.unlink()
    with pytest.raises(UsageError, match=re.escape("a.report.json: exists already")):
        page.write(evidence, path)
    page.check_places(path, overwrite=True)


@pytest.mark.parametrize("name", ["report.json", "report", "report.txt"])
def test_other_endings_are_refused(evidence: Evidence, name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"end in \.html"):
        page.write(evidence, tmp_path / name)
