"""Is the model file what it says? Every part is looked at, also when an earlier one is wrong.

``model_file.load`` refuses a file at the first bad finding of ``edge.model.audit``, which a station
needs. Who repairs the file wants to know all that is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edge.classification import selftest
from edge.classification.classifier import Classifier
from edge.errors import ModelError, RuntimeUnavailableError
from edge.gate import diagnosis
from edge.gate.checks import MODEL_CHECKS, Check, failed, passed, skipped
from edge.model.audit import audit
from edge.model.metadata import Review, Tensors, parsed
from edge.model.model_file import (
    ModelFile,
    check_tensors,
    read_parts,
    refusal,
)
from edge.model.runtime import start
from edge.model.wheels import Backend
from edge.system.shipped import shipped_path
from edge.system.typed import MismatchError, decode
from edge.wafer import encoding
from edge.wafer.patterns import PATTERNS
from edge.wafer.probes import PROBES

#: Standard deviations that no wafer is away from all classes.
_FARTHEST: Final = 100.0


@dataclass(frozen=True)
class ModelFileAudit:
    """What was found of a model file: checks, and the model at work or why it cannot be used."""

    checks: list[Check]
    classifier: Classifier | None = None
    error: ModelError | RuntimeUnavailableError | None = None


def examine(
    path: Path | None, build: Callable[[ModelFile], Classifier], backend: Backend | None = None
) -> ModelFileAudit:
    """Look at a model file (None: the one that ships) from the whole to its parts.

    ``build`` makes the classifier, ``backend`` is the runtime that looks at the tensors.
    """
    path = path or shipped_path()
    try:
        content, network, document = read_parts(path)
    except ModelError as error:
        why = "not examined: the model file cannot be taken apart"
        rest = (skipped(name, why) for name in MODEL_CHECKS[1:])
        return ModelFileAudit([failed("model-file", str(error)), *rest], None, error)
    findings = list(audit(network, document))
    checks = [(passed if one.sound else failed)(one.check, one.message) for one in findings]
    checks += _limits(document)
    # A damaged network may crash the runtime, and with it the report.
    if findings[0].sound:
        checks += _tensors(path, content, document, backend)
    bad = next((one.message for one in findings if not one.sound), None)
    if bad is not None:
        refused = refusal(path, bad)
        return ModelFileAudit([*checks, failed("model-file", str(refused))], None, refused)
    model = ModelFile(path, content, parsed(document))
    checks.append(passed("model-file", f"{model.name}, {len(content) / 1000:.1f} kB"))
    try:
        classifier = build(model)
    except (ModelError, RuntimeUnavailableError) as error:
        return ModelFileAudit(checks, None, error)
    return ModelFileAudit([*checks, *_self_test(classifier)], classifier)


def _limits(document: dict[str, Any]) -> Iterator[Check]:
    """Limits that nothing could exceed: a file may have them, but not by intention."""
    try:
        rule = decode(Review, document.get("review"))
    except MismatchError:  # the audit says so
        return
    if not (any(rule.below.values()) or rule.unneeded):
        yield failed(
            "review-table",
            "all thresholds are 0, every pattern is accepted at any probability: lost?",
        )
    never = {
        "unfamiliar": rule.unfamiliar.above > _FARTHEST,
        # Where several patterns a wafer are named, that they are there is no reason.
        "mixed": rule.mixed.above >= 1 and not document.get("outputs"),
        "few-dies": rule.min_dies < 1,
    }
    if any(never.values()):
        names = ", ".join(name for name, off in never.items() if off)
        yield failed("review-table", f"no wafer would ever go to a person as {names}: limit lost?")


def _tensors(
    path: Path, content: bytes, document: dict[str, Any], backend: Backend | None
) -> Iterator[Check]:
    """What the network itself says of its tensors."""
    try:
        runtime = start(content, backend=backend)
    except RuntimeUnavailableError as error:
        yield failed("runtime", str(error))
        return
    yield passed("runtime", f"{runtime.backend} {runtime.version}")
    try:
        declared = decode(Tensors, document)
        size = declared.encoding.size
        detail = runtime.interpreter.get_input_details()[0]
        shape, expected = tuple(map(int, detail["shape"])), (1, size, size, encoding.PLANES)
        if shape == expected:
            yield passed("planes", f"input {shape}: fail share and die share of each cell")
        else:
            yield failed("planes", f"the input is {shape}, the encoding gives {expected}")
        labels = document["labels"] if isinstance(document.get("labels"), list) else PATTERNS
        check_tensors(path, declared, runtime.interpreter, len(labels))
    except ModelError as error:
        yield failed("quantization", str(error))
    except MismatchError as error:
        yield failed("quantization", f"the metadata do not describe the tensors: {error}")
    else:
        yield passed("quantization", "scale and zero point of the tensors as declared")


def _self_test(classifier: Classifier) -> Iterator[Check]:
    """Outputs for known wafers, and what differing ones look like."""
    steps = selftest.largest_difference(classifier)
    if steps <= selftest.TOLERANCE:
        yield passed("self-test", f"{PROBES} known wafers give the outputs convert saw")
        return
    finding = diagnosis.by_probes(classifier)
    looks = finding.message if finding else "no known mistake explains it: weights were changed"
    yield failed(
        "self-test",
        f"the outputs for {PROBES} known wafers differ by {steps} steps from those that "
        f"convert saw ({selftest.TOLERANCE} allowed); {looks}",
    )
    if finding:
        yield failed(finding.check, finding.message)
