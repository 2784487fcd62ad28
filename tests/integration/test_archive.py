"""From files to verdicts to a comparison, by the command; and the queries of the docs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyarrow", reason="Parquet needs pyarrow, which is not installed")

from edge.dataset.labelled_set import LabelledSet
from tests.support.cli import limit_file_size, wm_edge
from tests.support.pandas_pickle import Row, save

ROOT = Path(__file__).parents[2]
QUERY = re.compile(r"^```sql\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, generated: LabelledSet) -> Path:
    """A folder with ``maps`` of a table and of files, and their ``results``."""
    path = tmp_path_factory.mktemp("archive")
    rows = [Row(generated.grid(n), None, None, f"lot{n % 7}", n) for n in range(len(generated))]
    save(path / "LSWMD.pkl", rows)
    (path / "lots").mkdir()
    np.save(path / "lots" / "A12_7.npy", generated.grid(3))
    (path / "lots" / "A12_8.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    sources = ("LSWMD.pkl", "lots/", "--name-pattern", "{lot}_{wafer}")
    done = wm_edge("archive", "import", *sources, "--out", "maps", cwd=path)
    assert done.code == 1
    assert "55 wafers, 1 could not be read; 1 part" in done.stderr
    full = wm_edge(
        "archive", "run", "maps", "--out", "results", cwd=path, before=limit_file_size(2_000)
    )
    assert full.code == 1
    assert "cannot be written (File too large)" in full.stderr
    done = wm_edge("archive", "run", "maps", "--out", "results", cwd=path)
    assert done.code == 0
    assert "1 of 1 part, 56 rows" in done.stderr
    return path


def test_maps_are_judged_looked_at_and_compared(folder: Path) -> None:
    done = wm_edge("archive", "status", "maps", "results", cwd=folder)
    assert (done.code, done.stderr) == (0, "")
    assert "1 of 1 part, 56 of 56 rows" in done.text
    done = wm_edge("archive", "verify", "maps", "results", "--again", "1", cwd=folder)
    assert (done.code, done.text) == (0, "56 rows judged again: nothing wrong\n")
    strict = ("--out", "strict", "--review-below", "1", "--shard", "1/1", "--quiet")
    done = wm_edge("archive", "run", "maps", *strict, cwd=folder)
    assert (done.code, done.stderr) == (0, "")
    done = wm_edge("archive", "compare", "results", "strict", "-o", "c.csv", cwd=folder)
    assert done.code == 0
    assert "55 wafers of 1 part" in done.text
    lines = (folder / "c.csv").read_text().splitlines()
    assert lines[0] == "lot,pattern,verdict,new_pattern,new_verdict,wafers"
    assert all(",accept," in line and ",review," in line for line in lines[1:])
    done = wm_edge("archive", "run", "maps", "--out", "strict", cwd=folder)
    assert done.code == 2
    assert "strict: holds results of another settings" in done.stderr


def test_the_queries_of_the_docs_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    duckdb = pytest.importorskip("duckdb", reason="the queries need DuckDB")
    monkeypatch.chdir(folder)
    queries = QUERY.findall((ROOT / "docs" / "archive.md").read_text("utf-8"))
    assert len(queries) == 5
    for query in queries:
        assert duckdb.sql(query).fetchall(), query
    pareto = dict(row[:2] for row in duckdb.sql(queries[0]).fetchall())
    assert sum(pareto.values()) == 55
