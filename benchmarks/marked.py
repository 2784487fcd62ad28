"""What commands write into pages: blocks between two marks, found by their name."""

from __future__ import annotations

import re
from pathlib import Path


def written(page: Path, blocks: dict[str, str]) -> None:
    """Put each block between its marks ``<!-- NAME: ... -->`` and ``<!-- NAME: end -->``.

    Args:
        page: Markdown that has the marks.
        blocks: Name -> what stands between its marks from now on.

    Raises:
        SystemExit: the page lacks the marks of a block; it stays as it was.
    """
    text = page.read_text("utf-8")
    for name, block in blocks.items():
        marks = re.compile(
            rf"(<!-- {name}: (?!end)[^\n]*-->\n).*?(<!-- {name}: end -->)", re.DOTALL
        )
        found = list(marks.finditer(text))
        if len(found) != 1:
            raise SystemExit(f"{page}: {len(found)} places between the marks {name}: one is needed")
        text = f"{text[: found[0].end(1)]}{block}\n{text[found[0].start(2) :]}"
    page.write_text(text, "utf-8")


def table(head: list[str], rows: list[list[str]], texts: int = 1) -> str:
    """A table in Markdown; all but the first ``texts`` columns are numbers."""
    under = ["---"] * texts + ["---:"] * (len(head) - texts)
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, under, *rows])
