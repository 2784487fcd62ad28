"""Every part of a model file is looked at, whatever else is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.classification.classifier import Classifier
from edge.errors import ModelError
from edge.gate.checks import MODEL_CHECKS, Status
from edge.gate.soundness import ModelFileAudit, examine
from edge.model.model_file import ModelFile, attach
from tests.support import spoil
from tests.support.model_files import bare, changed, put


def examined(content: bytes, folder: Path) -> ModelFileAudit:
    path = folder / "model.tflite"
    path.write_bytes(content)
    return examine(path, Classifier)


def failed(found: ModelFileAudit) -> set[str]:
    return {check.name for check in found.checks if check.failed}


def test_shipped_model_is_sound() -> None:
    found = examine(None, Classifier)
    assert found.error is None
    assert found.classifier is not None
    assert {check.name for check in found.checks} == set(MODEL_CHECKS)
    assert {check.status for check in found.checks} == {Status.PASSED}


def test_all_that_is_wrong_is_reported(shipped: ModelFile, tmp_path: Path) -> None:
    def change(metadata: dict[str, Any]) -> None:
        metadata["encoding"]["version"] = 0
        metadata["labels"][0] = "Centre"
        metadata["input"]["zero_point"] = -120
        del metadata["review"]["below"]

    found = examined(changed(shipped, change), tmp_path)
    assert isinstance(found.error, ModelError)
    assert failed(found) == {"model-file", "encoding", "labels", "quantization", "review-table"}


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: spoil.damage(0.3), {"model-file", "network-hash"}),
        (lambda: spoil.truncate(0.5), {"model-file"}),
        (lambda: b"", {"model-file"}),
        (lambda: b"PK\x05\x06" + bytes(18), {"model-file"}),
        (lambda: spoil.move_input_zero_point(-120, declare=False), {"quantization"}),
        (lambda: attach(b"\0\0\0\0TFL3" + bytes(64), spoil.taken_apart()[1]), {"runtime"}),
        (lambda: spoil.put("encoding", "size", value=48), {"planes", "quantization"}),
    ],
    ids=["damaged", "truncated", "empty", "empty zip", "zero point", "no network", "size"],
)
def test_damage_is_found_by_name(
    tmp_path: Path, make: Callable[[], bytes], names: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WM_EDGE_BACKEND", "litert")  # no time is spent on trying the others
    found = examined(make(), tmp_path)
    assert failed(found) == names
    assert found.error is not None
    assert found.classifier is None


def test_damaged_network_is_not_started(tmp_path: Path) -> None:
    """It may crash the runtime and take the report with it."""
    names = {check.name for check in examined(spoil.damage(0.3), tmp_path).checks}
    assert "runtime" not in names


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sampled_from(["encoding", "labels", "review", "input", "selftest"]), json_values)
def test_hostile_metadata_never_crash_it(
    shipped: ModelFile, tmp_path: Path, section: str, value: Any
) -> None:
    content = changed(shipped, put(section, value=value))
    found = examined(content, tmp_path)
    assert isinstance(found.error, ModelError)
    assert "model-file" in failed(found)


@pytest.mark.parametrize(
    ("keys", "value", "word"),
    [
        (("unfamiliar", "above"), 1e6, "unfamiliar"),
        (("mixed", "above"), 1.0, "mixed"),
        (("min_dies",), 0, "few-dies"),
    ],
)
def test_limit_that_no_wafer_could_exceed_is_named(
    shipped: ModelFile, tmp_path: Path, keys: tuple[str, ...], value: float, word: str
) -> None:
    found = examined(changed(shipped, put("review", *keys, value=value)), tmp_path)
    assert failed(found) == {"review-table"}
    assert any(word in check.message for check in found.checks if check.failed)


@pytest.mark.parametrize(("unneeded", "failing"), [(False, {"review-table"}), (True, set())])
def test_thresholds_that_are_all_0_are_lost_unless_conversion_said_so(
    shipped: ModelFile, tmp_path: Path, unneeded: bool, failing: set[str]
) -> None:
    def change(metadata: dict[str, Any]) -> None:
        review = metadata["review"]
        review["below"] = dict.fromkeys(review["below"], 0.0)
        if unneeded:
            review["unneeded"] = True

    assert failed(examined(changed(shipped, change), tmp_path)) == failing


def test_limit_is_named_beside_what_else_is_wrong(shipped: ModelFile, tmp_path: Path) -> None:
    def change(metadata: dict[str, Any]) -> None:
        metadata["labels"][0] = "Centre"
        metadata["review"]["min_dies"] = 0

    found = examined(changed(shipped, change), tmp_path)
    assert failed(found) == {"model-file", "labels", "review-table"}


def test_threshold_of_a_pattern_that_is_lost_is_named(shipped: ModelFile, tmp_path: Path) -> None:
    found = examined(changed(shipped, lambda m: m["review"]["below"].pop("Loc")), tmp_path)
    assert failed(found) == {"model-file", "review-table"}
    assert any(
        "review.below must hold the patterns of `labels`" in check.message for check in found.checks
    )


def test_bare_network_is_refused(shipped: ModelFile, tmp_path: Path) -> None:
    found = examined(bare(shipped.content), tmp_path)
    assert failed(found) == {"model-file"}
    skipped = {check.name for check in found.checks if check.status is Status.SKIPPED}
    assert skipped == set(MODEL_CHECKS) - {"model-file"}
