"""The schemas as the command prints them."""

from __future__ import annotations

import json
from types import ModuleType

import pytest

from edge.results import record
from edge.results.record import schema
from edge.station import settings
from tests.support.cli import wm_edge


@pytest.mark.parametrize("module", [record, settings])
def test_what_keys_mean_is_said_in_plain_words(module: ModuleType) -> None:
    text = json.dumps(module.schema())
    assert "``" not in text
    assert "\\n" not in text
    assert '"default": ""' not in text


def test_the_schema_of_a_station_says_what_a_text_may_be() -> None:
    found = settings.schema()["$defs"]
    keep = found["StationSettings"]["properties"]["keep_maps"]["anyOf"]
    assert keep == [
        {"type": "string", "enum": ["all", "review"]},
        {"type": "integer", "minimum": 1},
    ]
    kinds = found["Settings"]["properties"]["sink"]["items"]["properties"]["kind"]["enum"]
    assert kinds == ["store", "jsonl", "csv", "mqtt"]


def test_the_schema_of_a_record_is_printed() -> None:
    done = wm_edge("schema", "record")
    assert done.code == 0, done.text
    assert json.loads(done.stdout) == schema()
