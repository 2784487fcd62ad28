"""The quantization report in a real browser: from the command line to what a reader sees."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from edge.dataset.labelled_set import LabelledSet
from tests.support.browser import Visit, browser, find
from tests.support.cli import wm_edge
from tests.support.float_pair import float_pair

SIZES = ((1280, 800), (400, 800))

#: What can be asked only of a page that has been laid out.
LOOK = """
(() => {
  const root = document.documentElement;
  const verdict = document.getElementById('verdict').getBoundingClientRect();
  const images = [...document.images];
  const outside = [...document.querySelectorAll('body *')].filter(
    (one) => one.getBoundingClientRect().right > innerWidth + 0.5 && !one.closest('.box'));
  return {
    width: root.scrollWidth,
    height: root.scrollHeight,
    verdict: [verdict.top, verdict.bottom, verdict.height],
    text: document.getElementById('verdict').innerText,
    images: images.length,
    broken: images.filter((one) => !one.complete || one.naturalWidth === 0).map((one) => one.alt),
    tiny: images.filter((one) => one.getBoundingClientRect().width < 80).map((one) => one.alt),
    outside: outside.map((one) => one.tagName + '.' + one.className),
    links: [...document.querySelectorAll('nav a')].filter(
      (one) => !document.querySelector(one.getAttribute('href'))).map((one) => one.innerText),
  };
})()
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, generated: LabelledSet) -> Path:
    """Written by the real command, from files as ``wm-edge convert`` leaves them."""
    folder = tmp_path_factory.mktemp("report")
    model = float_pair().write(folder)
    generated.save(folder / "wafers.npz")
    done = wm_edge("report", model, "--data", folder / "wafers.npz", "--out", folder / "r.html")
    assert done.code == 4, done.stderr  # nobody trained the network
    assert done.text.startswith("RED: mean per-class accuracy")
    assert len(done.text.splitlines()) == 1
    assert (folder / "r.json").exists()
    return folder / "r.html"


@pytest.fixture(scope="module")
def visits(report: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Visit]:
    program = find()
    if program is None:
        pytest.skip("no Chromium here, and it could not be installed (make test tries, as root)")
    with browser(program, tmp_path_factory.mktemp("profile")) as opened:
        return {width: opened.visit(report, width, height, LOOK) for width, height in SIZES}


@pytest.mark.parametrize("size", SIZES)
def test_page_opens_offline_and_fits(
    size: tuple[int, int], visits: dict[int, Visit], report: Path
) -> None:
    width, height = size
    visit = visits[width]
    assert [one for one in visit.requests if not one.startswith("data:")] == [report.as_uri()]
    assert visit.complaints == []
    seen = visit.answer
    assert seen["width"] <= width
    assert seen["outside"] == []
    top, bottom, tall = seen["verdict"]
    assert 0 <= top < bottom <= height
    assert tall > 20
    assert "near chance" in seen["text"]
    assert seen["images"] >= 8
    assert seen["broken"] == seen["tiny"] == seen["links"] == []


@pytest.mark.parametrize("size", SIZES)
def test_page_has_a_picture(size: tuple[int, int], visits: dict[int, Visit]) -> None:
    width, _ = size
    wide, tall = struct.unpack(">II", visits[width].screenshot[16:24])
    assert wide == width
    assert tall == visits[width].answer["height"] > 3000


def test_gaps_and_refusals_on_the_command_line(report: Path) -> None:
    folder = report.parent
    data = ("--data", folder / "wafers.npz")
    again = wm_edge("report", folder / "small.tflite", *data, "--out", report)
    assert again.code == 2
    assert "exists already" in again.stderr
    other = wm_edge(
        "report", folder / "small.tflite", *data, "--out", folder / "s.html",
        "--float", folder / "small.tflite",
    )  # fmt: skip
    assert other.code == 3
    assert "no float form of" in other.stderr
    assert not (folder / "s.html").exists()
    alone = wm_edge("report", *data, "--out", folder / "s.html", "--wafers", "0")
    assert alone.code == 0, alone.stderr
    assert "Not judged against float" in alone.text
