"""The schemas as the command prints them."""

from __future__ import annotations

import json

from edge.results.record import schema
from tests.support.cli import wm_edge


def test_the_schema_of_a_record_is_printed() -> None:
    done = wm_edge("schema", "record")
    assert done.code == 0, done.text
    assert json.loads(done.stdout) == schema()
