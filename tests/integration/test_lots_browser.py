"""The page of lots in a real browser: it opens offline, fits, and obeys no name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.browser import Visit, browser, find
from tests.support.cli import wm_edge
from tests.support.lots import lot_records, with_counts, write_store

SIZES = ((1280, 800), (400, 800))
HOSTILE = "<img src=x onerror=alert(1)>\"'</title><script>alert(2)</script>" * 3

#: What can be asked only of a page that has been laid out.
LOOK = """
(() => ({
  width: document.documentElement.scrollWidth,
  scripts: document.scripts.length,
  images: document.images.length,
  broken: [...document.images].filter((one) => one.naturalWidth === 0).length,
  charts: document.querySelectorAll('svg').length,
  text: document.body.innerText,
  small: [...document.querySelectorAll('nav a')].filter(
    (one) => one.getBoundingClientRect().height < 40).length,
}))()
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Written by the real command; one lot, one wafer and one pattern want to be HTML."""
    folder = tmp_path_factory.mktemp("lots")
    records = [
        record
        for number in range(30)
        for record in lot_records(
            f"L{number}",
            with_counts({"Loc": number % 4, HOSTILE: number == 20}),
            60 * number,
            map=np.full((9, 9), 1 + number % 2, np.uint8),
        )
    ]
    records[-1] |= {"lot": HOSTILE, "wafer": HOSTILE}
    store = write_store(folder / "r.sqlite", records)
    done = wm_edge("lots", store, "--html", folder / "lots.html")
    assert done.code == 0, done.stderr
    return folder / "lots.html"


@pytest.fixture(scope="module")
def visits(page: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Visit]:
    program = find()
    if program is None:
        pytest.skip("no Chromium here, and it could not be installed (make test tries, as root)")
    with browser(program, tmp_path_factory.mktemp("profile")) as opened:
        return {width: opened.visit(page, width, height, LOOK) for width, height in SIZES}


@pytest.mark.parametrize("width", [width for width, _ in SIZES])
def test_the_page_opens_offline_fits_and_obeys_no_name(
    width: int, visits: dict[int, Visit], page: Path
) -> None:
    visit = visits[width]
    assert [one for one in visit.requests if not one.startswith("data:")] == [page.as_uri()]
    assert visit.complaints == []
    seen = visit.answer
    assert seen["width"] <= width
    assert seen["scripts"] == seen["broken"] == seen["small"] == 0
    assert seen["charts"] >= 3
    assert seen["images"] >= 9
    assert "onerror=alert(1)" in seen["text"]
