"""Figures of the model files that ship, written into the pages that quote them.

    wm-edge report wm811k --data split.npz --part test --mixed mixedwm38.npz --out wm811k.html
    python -m benchmarks.pages wm811k.json

A report a file that ships, in the order of ``wm-edge info``. Blocks between marks of README.md and
docs/ are written anew, and docs/risk-coverage.png; what stands around them is people's.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks import evidence
from benchmarks.evidence import Reported
from benchmarks.marked import written
from edge.cli.model_card import card
from edge.model.model_file import load
from edge.system import shipped

ROOT: Final = Path(__file__).parents[1]

#: Page -> its blocks.
BLOCKS: Final[dict[str, dict[str, Callable[[list[Reported]], str]]]] = {
    "README.md": {"patterns": evidence.patterns, "outcome": evidence.outcome},
    "docs/accuracy.md": {"accuracy": evidence.accuracy},
    "docs/evidence.md": {
        "parity": evidence.parity,
        "calibration": evidence.calibration,
        "bands": evidence.bands,
        "reasons": evidence.reasons,
        "outcome": evidence.outcome,
        "reviewed": evidence.reviewed,
        "caught": evidence.caught,
        "unknown": evidence.unknown,
        "several": evidence.several,
        "yields": evidence.yields,
        "none": evidence.none_over_yields,
        "kept": evidence.kept,
    },
}


def main() -> None:
    """Read the reports, write the pages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=Path, nargs="+", help="JSON twin of a report.")
    ships = []
    names = shipped.names()
    reports = parser.parse_args().report
    if len(reports) != len(names):
        parser.error(f"{len(names)} ship ({', '.join(names)}): a report each, in this order")
    for name, path in zip(names, reports, strict=True):
        model, report = load(name), json.loads(path.read_text("utf-8"))
        if report["model"] != model.name:
            parser.error(f"{path}: is of {report['model']}, {name} is {model.name}")
        ships.append(Reported(model, report))
    for page, blocks in BLOCKS.items():
        written(ROOT / page, {name: make(ships) for name, make in blocks.items()})
    written(ROOT / "docs" / "model-card.md", {"cards": cards()})
    risk_coverage(ships, ROOT / "docs" / "risk-coverage.png")


def cards() -> str:
    """What ``wm-edge info`` prints of each that ships, but for where it lies."""
    found = []
    for name in shipped.names():
        lines = [line.rstrip() for line in card(load(name)).splitlines()]
        text = "\n".join(line for line in lines if not line.startswith("file "))
        found.append(
            f"What `wm-edge info {name}` prints of `edge/models/{name}.tflite`:\n\n"
            f"```\n{text.rstrip()}\n```"
        )
    return "\n\n".join(found)


def risk_coverage(ships: list[Reported], path: Path) -> None:
    """Share of wrong answers among the accepted by share accepted, and the files' own rules."""
    from matplotlib.figure import Figure

    canvas = Figure(figsize=(7.6, 4), layout="constrained")
    axes = canvas.subplots()
    for one, colour in zip(ships, ("#0072b2", "#d55e00", "#009e73", "#cc79a7"), strict=False):
        curve = one.review["risk_coverage"]
        accepted, wrong = ([100 * value for value in curve[axis]] for axis in ("x", "y"))
        axes.plot(accepted, wrong, color=colour, label=f"{one.name}, by confidence alone")
        axes.plot(
            100 - 100 * one.review["share"],
            one.wrong_accepted,
            "D",
            color=colour,
            label=f"{one.name}, its own rule (also stops unfamiliar and mixed wafers)",
        )
    axes.set(xlabel="share of wafers accepted, %", ylabel="wrong among the accepted, %")
    axes.set(xlim=(50, 100.5))
    axes.set_ylim(bottom=0)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(frameon=False, loc="upper left", fontsize="small")
    canvas.savefig(path, dpi=100, metadata={"Software": None})


if __name__ == "__main__":
    main()
