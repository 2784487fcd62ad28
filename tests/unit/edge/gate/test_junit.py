"""The report for CI screens: readable XML whatever the messages hold."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from edge.errors import OutputError
from edge.gate import junit
from edge.gate.checks import NAMES, complete, failed, passed, skipped
from edge.wafer.patterns import PATTERNS


def test_each_check_is_a_case_with_its_outcome() -> None:
    checks = [passed("data", "100 wafers"), failed("mean", "it fell"), skipped("baseline", "none")]
    root = ET.fromstring(junit.document(checks, ["warning: few wafers"], 1.5))  # noqa: S314
    suite = root[0]
    assert root.tag == "testsuites"
    assert suite.tag == "testsuite"
    assert suite.attrib == {
        "name": "wm-edge",
        "tests": "3",
        "failures": "1",
        "errors": "0",
        "skipped": "1",
        "time": "1.500",
    }
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    assert list(cases) == ["data", "mean", "baseline"]
    assert [child.tag for child in cases["mean"]] == ["failure"]
    assert cases["mean"][0].get("message") == cases["mean"][0].text == "it fell"
    assert [child.tag for child in cases["baseline"]] == ["skipped"]
    assert suite.findtext("system-out") == "warning: few wafers"


def test_hostile_messages_leave_it_well_formed(tmp_path: Path) -> None:
    evil = "]]></failure><x a=\"'&\x00\x1b[31m\ud800\ufffe.tflite\nsecond line"
    path = tmp_path / "report.xml"
    junit.write(path, [failed("model-file", evil)], [evil], 0.0)
    root = ET.parse(path).getroot()  # noqa: S314
    message = root.findtext("testsuite/testcase/failure") or ""
    assert message.startswith("]]></failure><x a=\"'&??[31m?")
    assert message.endswith(".tflite\nsecond line")


def test_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="missing"):
        junit.write(tmp_path / "missing" / "report.xml", [], [], 0.0)


def test_report_is_always_complete_and_a_failure_is_never_covered() -> None:
    found = complete(
        [failed("labels", "exchanged"), passed("labels", "nine")], "not reached", PATTERNS
    )
    assert tuple(check.name for check in found) == NAMES
    assert len(set(NAMES)) == len(NAMES)
    by_name = {check.name: check for check in found}
    assert by_name["labels"].message == "exchanged"
    assert by_name["mean"] == skipped("mean", "not reached")
