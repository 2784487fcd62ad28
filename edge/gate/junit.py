"""Checks as JUnit XML, which CI screens show: one test case a check.

The layout is the one that Jenkins, GitLab, Azure and the GitHub actions for test reports agree on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from edge.gate.checks import Check, Status
from edge.system.files import write_text
from edge.system.text import printable

#: What the test cases stand under.
SUITE: Final = "wm-edge"
CLASS: Final = "wm-edge.gate"


def document(checks: Sequence[Check], notes: Iterable[str], seconds: float) -> str:
    """The XML text: a test case a check, notes as ``system-out``, seconds for all."""
    counts = {
        "tests": str(len(checks)),
        "failures": str(sum(check.failed for check in checks)),
        "errors": "0",
        "time": f"{seconds:.3f}",
    }
    root = ET.Element("testsuites", counts)
    # Strict readers know no skipped on the outer element.
    unjudged = str(sum(check.status is Status.SKIPPED for check in checks))
    suite = ET.SubElement(root, "testsuite", {"name": SUITE, **counts, "skipped": unjudged})
    for check in checks:
        case = ET.SubElement(suite, "testcase", {"classname": CLASS, "name": check.name})
        case.set("time", "0.000")
        message = _text(check.message)
        if check.failed:
            failure = ET.SubElement(case, "failure", {"message": message, "type": check.name})
            failure.text = message
        elif check.status is Status.SKIPPED:
            ET.SubElement(case, "skipped", {"message": message})
        else:
            ET.SubElement(case, "system-out").text = message
    ET.SubElement(suite, "system-out").text = "\n".join(map(_text, notes))
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def write(path: Path, checks: Sequence[Check], notes: Iterable[str], seconds: float) -> None:
    """Write the report, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    write_text(path, document(checks, notes, seconds))


def _text(text: str) -> str:
    """Text without characters that XML 1.0 cannot hold: file names may have any."""
    return "\n".join(printable(line) for line in text.splitlines())
