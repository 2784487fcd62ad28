"""Is the model file what it says? Every part is looked at, also when an earlier one is wrong.

``model_file.load`` refuses a file at the first thing that is wrong, which a station needs.
Who repairs the file wants to know all that is wrong with it.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edge.classification import selftest
from edge.classification.classifier import Classifier
from edge.errors import ModelError, RuntimeUnavailableError
from edge.formats.archive import UNREADABLE, open_archive
from edge.gate import diagnosis
from edge.gate.checks import MODEL_CHECKS, Check, failed, passed, skipped
from edge.model.backend import Backend
from edge.model.model_file import MAX_BYTES, METADATA_NAME, ModelFile, load, shipped_path
from edge.model.runtime import start
from edge.system.regular_file import read_bytes
from edge.wafer import encoding
from edge.wafer.patterns import PATTERNS
from edge.wafer.probes import PROBES

#: What reading malformed metadata raises.
_MALFORMED: Final = (KeyError, TypeError, ValueError, AttributeError, OverflowError, IndexError)


@dataclass(frozen=True)
class ModelFileAudit:
    """What was found of a model file.

    Attributes:
        checks: One a name of ``MODEL_CHECKS`` at least.
        classifier: The model at work, None where it cannot be used.
        error: Why it cannot be used.
    """

    checks: list[Check]
    classifier: Classifier | None = None
    error: ModelError | RuntimeUnavailableError | None = None


def examine(
    path: Path | None, build: Callable[[ModelFile], Classifier], backend: Backend | None = None
) -> ModelFileAudit:
    """Look at a model file from the whole to its parts.

    Args:
        path: A model file; None for the one that ships.
        build: Makes the classifier.
        backend: Runtime that looks at the tensors.
    """
    path = path or shipped_path()
    try:
        model = load(path)
    except ModelError as error:
        return ModelFileAudit(
            [failed("model-file", str(error)), *_parts(path, backend)], None, error
        )
    size = f"{len(model.content) / 1000:.1f} kB"
    checks = [passed("model-file", f"{model.name}, {size}"), *_parts(path, backend)]
    try:
        classifier = build(model)
    except (ModelError, RuntimeUnavailableError) as error:
        return ModelFileAudit(checks, None, error)
    return ModelFileAudit([*checks, *_self_test(classifier)], classifier)


def _parts(path: Path, backend: Backend | None) -> Iterator[Check]:
    """All that can be said of a file that may be anything."""
    apart = _taken_apart(path)
    if apart is None:
        for name in MODEL_CHECKS[1:]:
            yield skipped(name, "not examined: the model file cannot be taken apart")
        return
    content, network, metadata = apart
    found = hashlib.sha256(network).hexdigest()
    intact = found == metadata.get("tflite_sha256")
    if intact:
        yield passed("network-hash", f"sha256 {found[:12]}")
    else:
        message = f"the network's sha256 {found[:12]} is not the one in the metadata"
        yield failed("network-hash", f"{message}: damaged, or changed after conversion")
    for name, look in _METADATA_CHECKS.items():
        try:
            yield look(metadata)
        except _MALFORMED as error:
            yield failed(name, f"the metadata are incomplete or malformed there ({error!r})")
    # A damaged network may crash the runtime, and with it the report.
    if intact:
        yield from _tensors(ModelFile(path, content, metadata), backend)


def _taken_apart(path: Path) -> tuple[bytes, bytes, dict[str, Any]] | None:
    """The whole file, its network and its metadata, whatever they say; None where impossible."""
    try:
        content = read_bytes(path, MAX_BYTES)
        with open_archive(io.BytesIO(content)) as archive:
            entry = archive.getinfo(METADATA_NAME)
            if entry.file_size > MAX_BYTES:
                return None
            metadata = json.loads(archive.read(entry))
            begin = min(item.header_offset for item in archive.infolist())
    except (*UNREADABLE, KeyError):
        return None
    return (content, content[:begin], metadata) if isinstance(metadata, dict) else None


def _encoding(metadata: dict[str, Any]) -> Check:
    declared = metadata["encoding"]
    theirs = f"{declared['name']} version {declared['version']}"
    ours = f"{encoding.NAME} version {encoding.VERSION}"
    if theirs == ours:
        return passed("encoding", f"{theirs}, {declared['size']} cells a side")
    return failed(
        "encoding",
        f"the file needs the encoding {theirs}, this wm-edge has {ours}: convert the run again, "
        "or install the wm-edge that made the file",
    )


def _labels(metadata: dict[str, Any]) -> Check:
    if sorted(metadata["labels"]) == sorted(PATTERNS):
        return passed("labels", ", ".join(metadata["labels"]))
    return failed("labels", f"the labels {metadata['labels']} are not the nine patterns")


#: Standard deviations that no wafer is away from all classes.
_FARTHEST: Final = 100.0


def _review_table(metadata: dict[str, Any]) -> Check:
    if "review" not in metadata or "below" not in metadata["review"]:
        return failed("review-table", "the threshold table (review.below) is lost; convert again")
    below = metadata["review"]["below"]
    if set(below) != set(PATTERNS) or not all(0 <= value <= 1 for value in below.values()):
        return failed("review-table", f"the thresholds {below} are not one in 0..1 a pattern")
    if not any(below.values()):
        return failed(
            "review-table",
            "all thresholds are 0, every pattern is accepted at any probability: lost?",
        )
    rule = metadata["review"]
    never = [
        name
        for name, off in (
            ("unfamiliar", rule["unfamiliar"]["above"] > _FARTHEST),
            ("mixed", rule["mixed"]["above"] >= 1),
            ("few-dies", rule["min_dies"] < 1),
        )
        if off
    ]
    if never:
        return failed(
            "review-table", f"no wafer would ever go to a person as {', '.join(never)}: limit lost?"
        )
    return passed("review-table", "one threshold a pattern, and limits that can be reached")


def _declared_input(metadata: dict[str, Any]) -> Check:
    scale, zero_point = metadata["input"]["scale"], metadata["input"]["zero_point"]
    right = math.isclose(scale, encoding.INPUT_SCALE, rel_tol=1e-5)
    if right and zero_point == encoding.INPUT_ZERO_POINT:
        return passed("quantization", "declared as the encoding has it")
    return failed(
        "quantization",
        f"input scale {scale:.8g} and zero point {zero_point} are declared, the encoding has "
        f"{encoding.INPUT_SCALE:.8g} and {encoding.INPUT_ZERO_POINT}",
    )


_METADATA_CHECKS: Final = {
    "encoding": _encoding,
    "labels": _labels,
    "review-table": _review_table,
    "quantization": _declared_input,
}


def _tensors(model: ModelFile, backend: Backend | None) -> Iterator[Check]:
    """What the network itself says of its tensors."""
    try:
        runtime = start(model.content, backend=backend)
    except RuntimeUnavailableError as error:
        yield failed("runtime", str(error))
        return
    yield passed("runtime", f"{runtime.backend} {runtime.version}")
    try:
        size = model.metadata["encoding"]["size"]
        detail = runtime.interpreter.get_input_details()[0]
        shape, expected = tuple(map(int, detail["shape"])), (1, size, size, encoding.PLANES)
        if shape == expected:
            yield passed("planes", f"input {shape}: fail share and die share of each cell")
        else:
            yield failed("planes", f"the input is {shape}, the encoding gives {expected}")
        model.check_tensors(runtime.interpreter)
    except ModelError as error:
        yield failed("quantization", str(error))
    except _MALFORMED as error:
        yield failed("quantization", f"the metadata do not describe the tensors ({error!r})")
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
