"""What is written beside a model file: float network, parity, report."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from convert.attempt import Attempt, ParityContext
from convert.parity import Parity
from convert.remedy.search import Tried, table
from convert.report import page
from convert.report.measure import measure
from convert.review.confidence import confidence_bins
from edge.classification import ordinary_file
from edge.model import float_network
from edge.system.files import check_place, write_bytes, write_text
from edge.system.text import printable

#: Suffixes of the files beside the model file; the report has a JSON twin.
PARITY_JSON, PARITY_TEXT, REPORT = "parity.json", "parity.md", "report.html"


def beside(out: Path, suffix: str) -> Path:
    """A file beside the model file ``out``."""
    return out.with_name(f"{out.stem}.{suffix}")


def check_places(out: Path, *, overwrite: bool) -> None:
    """Refuse before the work what could not be written after it.

    Raises:
        UsageError: a file exists already, or its folder does not.
    """
    texts = (beside(out, suffix) for suffix in (PARITY_JSON, PARITY_TEXT))
    for path in (out, float_network.beside(out), ordinary_file.beside(out), *texts):
        check_place(path, overwrite=overwrite)
    page.check_places(beside(out, REPORT), overwrite=overwrite)


@dataclass(frozen=True)
class Evidence:
    """What a conversion found.

    The attempt that is kept, green or red, parity before any remedy, the remedies tried after it,
    and the float network of the same two outputs, a bare ``.tflite``.
    """

    found: Attempt
    plain: Parity
    tried: tuple[Tried, ...]
    float_tflite: bytes
    context: ParityContext

    def _out_of_fold(self) -> dict[str, Any]:
        """What folds said of the rule and of confidence, where they set it."""
        judged, rule = self.context.folds, self.found.model.document["review"]
        if judged is None:
            return {}
        return {
            **{key: rule[key] for key in ("folds", "holds") if key in rule},
            "confidence": [*confidence_bins(judged, self.context.data.patterns)],
        }

    def write(self, out: Path) -> None:
        """Write everything beside ``out``, naming the model file by its hash.

        Raises:
            OutputError: a file cannot be written.
        """
        found = self.found
        document, parity = found.model.document, found.parity
        manifest = self.context.data.calibration.manifest
        model_sha256 = found.sha256 if parity.green else None
        content = {
            **parity.as_dict(),
            "model_sha256": model_sha256,
            "model": document["name"],
            "accuracy_on": document["accuracy"]["on"],
            **to_builtins(found.structure),
            "temperature": document["temperature"],
            "calibration_error": document["calibration_error"],
            "review": {
                "rule": {
                    key: document["review"][key] for key in ("below", "objective", "min_dies")
                },
                "on_test": document["accuracy"]["review"],
                **self._out_of_fold(),
            },
            "remedies": [one.as_dict() for one in self.tried],
            "calibration": manifest,
            "data_sha256": document["training"]["data_sha256"],
        }
        name = printable(out.name)
        belongs = (
            f"Model file: {name}, sha256 {model_sha256}."
            if model_sha256
            else f"No model file belongs to this: a {name} beside it is of another conversion."
        )
        text = parity.summary()
        if self.tried:
            text += f"\n## Remedies\n\n{table(self.plain, self.tried)}"
        write_bytes(float_network.beside(out), self.float_tflite)
        write_text(beside(out, PARITY_JSON), json.dumps(content, indent=1) + "\n")
        write_text(beside(out, PARITY_TEXT), f"{text}\n{belongs}\n")
        measured = measure(
            found.model,
            self.context.test,
            data=self.context.on,
            float_content=self.float_tflite,
            keras_logits=self.context.float_logits,
            calibration_manifest=manifest,
            evaluation=found.evaluation,
            allowed_points=self.context.allowed_points,
            progress=self.context.progress,
        )
        page.write(measured, beside(out, REPORT), overwrite=True)
