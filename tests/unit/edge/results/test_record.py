"""The record: each key is declared once, and all that is written follows from that."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from edge.classification.classifier import Classifier
from edge.errors import InputError, InputKind
from edge.results.record import (
    CLASSIFY_KEYS,
    ERROR_KEYS,
    RESULT_KEYS,
    UNDELIVERABLE,
    Error,
    Result,
    schema,
    short,
)
from edge.store.schema import VERSION
from edge.system.typed import decode
from edge.wafer.wafermap import WaferMap
from tests.support.cli import python
from tests.support.records import error, result

DOCS = Path(__file__).parents[4] / "docs"

#: Declares one more key, in the text of the module alone, and then records wafers.
ONE_EDIT = """
import importlib.util, json, sqlite3, sys
from contextlib import closing
from pathlib import Path

name = "edge.results.record"
spec = importlib.util.find_spec(name)
text = Path(spec.origin).read_text("utf-8")
last = "    warning: _Warning = UNSET\\n"
assert text.count(last) == 1
key = '    zone: Annotated[str | None, about("where"), Meta(extra={"step": STEP})] = None\\n'
module = importlib.util.module_from_spec(spec)
sys.modules[name] = module
source = text.replace(last, last + key.replace("STEP", sys.argv[2]), 1)
exec(compile(source, spec.origin, "exec"), module.__dict__)

from edge.results.csv import station_columns
from edge.sinks.settings import CsvSettings, JsonLinesSettings, StoreSettings
from edge.store.names import Cursor
from edge.store.store import Store
from edge.store.reader import StoreReader
from tests.support.records import result

path = Path(sys.argv[1])
with closing(Store(path / "s.sqlite")) as store, closing(StoreReader(path / "s.sqlite")) as reader:
    store.add([result(9, zone="edge")])
    for kind in (JsonLinesSettings, CsvSettings, StoreSettings):
        name = kind.__struct_config__.tag
        with closing(kind(file=path / name).make("s")) as sink:
            sink.open(Cursor(names=reader.names))
            sink.send(reader.after(0, 10))
from edge.wafer.patterns import PATTERNS
print(json.dumps([station_columns(PATTERNS), module.schema()]))
"""


def test_a_new_key_is_one_edit(tmp_path: Path) -> None:
    """An older store gets the column; JSON, CSV, a second store and the schema follow."""
    before = DOCS.parent / "tests" / "data" / "before" / "store-3.sql"
    with sqlite3.connect(tmp_path / "s.sqlite") as connection:
        connection.executescript(before.read_text("utf-8"))
    connection.close()
    done = python(ONE_EDIT, tmp_path, str(VERSION + 1))
    assert done.code == 0, done.text
    columns, found = json.loads(done.stdout)
    lines = [json.loads(line) for line in (tmp_path / "jsonl").read_text("utf-8").splitlines()]
    assert [line.get("zone", "no such key") for line in lines] == [
        None,
        "no such key",
        None,
        "edge",
    ]
    assert list(lines[0])[-1] == "zone"
    header, *rows = (tmp_path / "csv").read_text("utf-8").splitlines()
    assert header.split(",") == columns
    assert [row.split(",")[columns.index("zone")] for row in rows] == ["", "", "", "edge"]
    for name in ("s.sqlite", "store"):
        connection = sqlite3.connect(tmp_path / name)
        assert connection.execute("SELECT zone FROM results ORDER BY id").fetchall() == [
            (None,), (None,), ("edge",)
        ]  # fmt: skip
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION + 1,)
        connection.close()
    assert found["$defs"]["Result"]["properties"]["zone"]["description"] == "where"


def test_what_is_written_is_what_is_declared(classifier: Classifier) -> None:
    wafer = WaferMap(np.ones((9, 9), np.uint8), "w.npy", lot="A1")
    record = classifier.classify(wafer).as_record()
    assert tuple(record) == CLASSIFY_KEYS
    assert decode(Result, record).pattern == "none"
    whole = {"id": "s-1", **result(1)}
    assert msgspec.to_builtins(decode(Result, whole)) == whole
    assert result(1).keys() == {*RESULT_KEYS} - {"patterns"}  # of several patterns a wafer alone
    assert error(1).keys() == {*ERROR_KEYS}
    bad = {"id": "s-2", **error(1)}
    assert msgspec.to_builtins(decode(Error, bad)) == bad
    assert decode(Error, InputError("w", InputKind.EMPTY, "zero bytes").as_record()).kind == "empty"
    assert decode(Error, short(whole, "too large")).kind == UNDELIVERABLE


@pytest.mark.parametrize(
    ("key", "value"),
    [("probability", 1.5), ("verdict", "maybe"), ("dies", -1), ("lot", 7), ("event", None)],
)
def test_what_is_not_declared_is_told(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=key):
        decode(Result, result(1, **{key: value}))


def test_the_schema_has_every_key_its_meaning_and_what_is_always_there() -> None:
    found = schema()
    assert found["$schema"].endswith("2020-12/schema")
    kinds: dict[str, dict[str, Any]] = found["$defs"]
    for name, keys in (("Result", RESULT_KEYS), ("Error", ERROR_KEYS)):
        assert list(kinds[name]["properties"]) == ["id", *keys]
        assert all(said["description"] for said in kinds[name]["properties"].values())
        assert {"$ref": f"#/$defs/{name}"} in found["oneOf"]
    assert tuple(kinds["Result"]["required"]) == CLASSIFY_KEYS
    assert kinds["Error"]["required"] == ["source", "error", "kind"]
    assert UNDELIVERABLE in kinds["Error"]["properties"]["kind"]["enum"]


@pytest.mark.parametrize(
    ("page", "heading", "keys"),
    [
        ("station-reference.md", "## Records", {"id", *RESULT_KEYS, *ERROR_KEYS}),
        ("formats.md", "## What it writes", {*CLASSIFY_KEYS}),
    ],
)
def test_the_tables_of_the_docs_name_every_key(page: str, heading: str, keys: set[str]) -> None:
    text = (DOCS / page).read_text("utf-8").partition(heading)[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    named = {key for row in rows for key in re.findall(r"`([a-z0-9_]+)`", row)}
    assert named == keys - ({"id"} if "station" in page else set())
