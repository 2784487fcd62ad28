"""What stands in ``metadata.json``: the documented keys are those of the struct."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from edge.model.metadata import Metadata, parsed
from edge.model.model_file import ModelFile
from edge.system.typed import MismatchError

DOCS = Path(__file__).parents[4] / "docs" / "model-file.md"


def test_every_key_is_documented() -> None:
    columns = re.findall(r"^\| (`[^|]*) \|", DOCS.read_text("utf-8"), re.MULTILINE)
    documented = set(re.findall(r"`(\w+)`", " ".join(columns)))
    assert documented == {field.encode_name for field in msgspec.structs.fields(Metadata)}


def test_a_mistake_is_told_with_its_key_and_what_must_be_there(shipped: ModelFile) -> None:
    document = shipped.document
    document["review"]["mixed"]["weights"][3] = "much"
    with pytest.raises(MismatchError, match=r"^review\.mixed\.weights\[3\] is 'much', must be"):
        parsed(document)


def test_only_the_sections_of_a_judged_model_may_be_missing(shipped: ModelFile) -> None:
    document = shipped.document
    optional = {f.encode_name for f in msgspec.structs.fields(Metadata) if not f.required}
    bare = {key: value for key, value in document.items() if key not in optional}
    assert parsed(bare).accuracy is None
    for key in bare:
        with pytest.raises(MismatchError, match=f"^{key} is missing"):
            parsed({name: value for name, value in bare.items() if name != key})
