"""The blocks of pages that say how the model files do which ship: Markdown made of their reports.

Of every block a row, or a column, a model file, in the order of the reports.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from benchmarks.marked import table
from edge.evaluation.metrics import wilson
from edge.evaluation.yield_wafers import Kind
from edge.model.measured import Accuracy, CalibrationError
from edge.model.model_file import ModelFile

#: What a report calls its table of drawn patterns that no class covers.
_NEW: Final = "Patterns that no class covers"

#: To a person for fewer of them is worth a word.
_STOPPED: Final = 90.0


@dataclass(frozen=True)
class Reported:
    """A model file that ships, and the JSON twin of its report on the test part."""

    model: ModelFile
    report: dict[str, Any]

    @property
    def name(self) -> str:
        """What the pages call it."""
        return self.model.metadata.name

    @property
    def scores(self) -> dict[str, Any]:
        """Of int8: accuracy, macro_recall, per_class."""
        found: dict[str, Any] = self.report["outcomes"]["int8"]["scores"]
        return found

    @property
    def review(self) -> dict[str, Any]:
        """What goes to a person."""
        found: dict[str, Any] = self.report["review"]
        return found

    @property
    def accuracy(self) -> Accuracy:
        """What was measured at conversion, of float too."""
        if (known := self.model.metadata.accuracy) is None:
            raise SystemExit(f"{self.name}: no accuracy was recorded at conversion")
        return known

    @property
    def calibration_error(self) -> CalibrationError:
        """Likewise."""
        if (known := self.model.metadata.calibration_error) is None:
            raise SystemExit(f"{self.name}: no calibration error was recorded at conversion")
        return known

    @property
    def wrong_accepted(self) -> float:
        """Share of the accepted wafers, in percent."""
        done = self.review
        accepted = self.report["wafers"] - done["wafers"]
        return 100.0 * (done["wrong"] - done["wrong_caught"]) / max(accepted, 1)


def _percent(share: float | None) -> str:
    """A share; none of no wafers, and no precision where nothing is named so."""
    return "-" if share is None else f"{100 * share:.1f}"


def accuracy(ships: list[Reported]) -> str:
    """A table a file, as ``wm-edge convert`` prints it, and what holds for all classes."""
    found = []
    for one in ships:
        known = one.accuracy
        rows = []
        for name, each in one.scores["per_class"].items():
            if not each["n"]:
                rows.append([name, "0", *["-"] * 5])
                continue
            low, high = wilson(round(each["recall"] * each["n"]), each["n"])
            before = known.float_.per_class[name].recall or 0.0
            figures = (before, each["recall"], low, high, each["precision"], each["f1"])
            shown = [*map(_percent, figures)]
            between = f"{shown[2]} - {shown[3]}"
            rows.append([name, str(each["n"]), *shown[:2], between, *shown[4:]])
        head = ["pattern", "wafers", "float %", "int8 %", "95 % interval (int8)"]
        said = (
            "Mean per-class accuracy (macro recall): float "
            f"{100 * known.float_.macro_recall:.2f} %, **int8 "
            f"{100 * one.scores['macro_recall']:.2f} %**. Accuracy "
            f"{100 * one.scores['accuracy']:.2f} %, mostly of `none`. Float and int8 name the same "
            f"class for {100 * known.agreement:.2f} % of the wafers."
        )
        size = f"`{one.name}`, {one.report['file_bytes'] / 1000:.0f} kB:"
        found += [size, table([*head, "precision %", "F1 %"], rows), said]
    return "\n\n".join(found)


def patterns(ships: list[Reported]) -> str:
    """Per-class accuracy of int8, a row a file."""
    names = ships[0].model.labels
    rows = [
        [
            f"`{one.name}`",
            f"**{100 * one.scores['macro_recall']:.1f}**",
            *(_percent(one.scores["per_class"][name]["recall"]) for name in names),
        ]
        for one in ships
    ]
    return table(["", "mean", *names], rows)


def outcome(ships: list[Reported]) -> str:
    """What goes to a person and what that catches, a sentence a file."""
    return "\n".join(
        f"* `{one.name}`: {100 * one.review['share']:.1f} % of the wafers go to a person, which "
        f"catches {one.review['wrong_caught']:,} of {one.review['wrong']:,} wrong ones; of the "
        f"accepted {one.wrong_accepted:.1f} % are wrong "
        f"({100 * one.review['wrong'] / one.report['wafers']:.1f} % without review)."
        for one in ships
    )


def parity(ships: list[Reported]) -> str:
    """Float against int8."""
    rows = []
    for one in ships:
        known = one.accuracy
        shown = known.float_.macro_recall, one.scores["macro_recall"], known.agreement
        rows.append([f"`{one.name}`", *(f"{100 * figure:.2f}" for figure in shown)])
    return table(["", "float %", "int8 %", "the same pattern named, %"], rows)


def calibration(ships: list[Reported]) -> str:
    """Calibration errors without and with the temperature, and of the confidence."""
    rows = []
    for one in ships:
        known = one.calibration_error
        both = (("float", known.float_), ("int8", known.int8))
        rows += [
            [f"`{one.name}`, {form}", f"{error.before:.3f}", f"{error.after:.3f}"]
            for form, error in both
        ]
        rows.append([f"`{one.name}`, confidence", "", f"{known.confidence:.3f}"])
    return table(["", "before", "after"], rows)


def bands(ships: list[Reported]) -> str:
    """Right answers by confidence."""
    rows = []
    for each in zip(*(one.review["bands"] for one in ships), strict=True):
        row = [f"{each[0]['low']:g} to {each[0]['high']:g}"]
        for band in each:
            share = f"{100 * band['right'] / band['wafers']:.1f}" if band["wafers"] else "-"
            row += [f"{band['wafers']:,}", share]
        rows.append(row)
    heads = (head for one in ships for head in (f"`{one.name}`, wafers", "right, %"))
    return table(["confidence", *heads], rows)


def reasons(ships: list[Reported]) -> str:
    """Wafers sent to a person by reason, and the limits of the two detectors."""
    rule = {one.name: one.model.metadata.review for one in ships}
    limit = {
        "unfamiliar": {name: f"{r.unfamiliar.above:.4g}" for name, r in rule.items()},
        "mixed": {name: f"{r.mixed.above:.4g}" for name, r in rule.items()},
    }
    rows = []
    for each in zip(*(one.review["reasons"] for one in ships), strict=True):
        reason = each[0]["reason"]
        row = [f"`{reason}`"]
        for one, count in zip(ships, each, strict=True):
            above = limit.get(reason, {}).get(one.name, "")
            row += [above, f"{count['wafers']:,}", f"{count['wrong']:,}"]
        rows.append(row)
    heads = (head for one in ships for head in (f"`{one.name}`, limit", "wafers", "of them wrong"))
    return table(["reason", *heads], rows)


def reviewed(ships: list[Reported]) -> str:
    """Of each pattern: to a person, and right among the accepted."""
    rows = []
    for one in ships:
        each = one.review["patterns"].values()
        shares = (
            [(a["reviewed"], a["wafers"]) for a in each],
            [(a["right"], a["accepted"]) for a in each],
        )
        for what, pairs in zip(
            ("to a person, %", "right among the accepted, %"), shares, strict=True
        ):
            cells = (f"{100 * part / whole:.1f}" if whole else "-" for part, whole in pairs)
            rows.append([f"`{one.name}`, {what}", *cells])
    return table(["", *ships[0].review["patterns"]], rows)


def caught(ships: list[Reported]) -> str:
    """Wrong answers caught by looking at the least confident."""
    rows = [
        [
            f"{100 * float(share):g} %",
            *(f"{100 * one.review['caught'][share]:.1f} %" for one in ships),
        ]
        for share in ships[0].review["caught"]
    ]
    return table(["wafers looked at", *(f"`{one.name}`: wrong ones caught" for one in ships)], rows)


def unknown(ships: list[Reported]) -> str:
    """Drawn patterns that no class covers; what reaches a person too seldom is said below."""
    text = _appendix(ships, _NEW)
    for one in ships:
        rows = next(a["rows"] for a in one.report["appendices"] if a["title"] == _NEW)
        passed = [row for row in rows if float(row[3].rstrip(" %")) < _STOPPED]
        if passed:
            said = ", ".join(f"{row[3]} of *{row[0].partition(':')[0]}*" for row in passed)
            text += f"\n\nNot all are stopped by `{one.name}`: {said} reach a person."
    return text


def several(ships: list[Reported]) -> str:
    """Wafers of MixedWM38 by the number of their patterns."""
    titles = {a["title"] for one in ships for a in one.report["appendices"]} - {_NEW}
    if len(titles) != 1:
        raise SystemExit("a report has no wafers of MixedWM38: wm-edge report --mixed")
    return _appendix(ships, titles.pop())


def _appendix(ships: list[Reported], title: str) -> str:
    rows, head = [], []
    for one in ships:
        found = next(a for a in one.report["appendices"] if a["title"] == title)
        head = found["head"]
        rows += [[row[0], f"`{one.name}`", *row[1:]] for row in found["rows"]]
    return table([head[0], "", *head[1:]], _together(rows), texts=2)


def yields(ships: list[Reported]) -> str:
    """What is wanted at high yield and what there is, in bold what falls short."""
    kinds = [Kind(key).words for key in ships[0].report["yields"]["cells"]]
    found: dict[tuple[str, str, str], dict[str, str]] = {}
    for one in ships:
        for bar in one.report["yields"]["bars"]:
            limit = f"at {'most' if bar['at_most'] else 'least'} {100 * bar['limit']:.1f}"
            row = found.setdefault((f"{bar['pattern']} {bar['what']}", limit, f"`{one.name}`"), {})
            share = f"{100 * bar['share']:.1f}"
            low, high = (100 * end for end in bar["ci95"])
            cell = share if bar["met"] else f"**{share}**"
            row[Kind(bar["kind"]).words] = f"{cell} ({low:.1f} - {high:.1f})"
    rows = [[*key, *(row.get(kind, "-") for kind in kinds)] for key, row in found.items()]
    return table(["", "wanted, %", "", *kinds], _together(rows), texts=3)


def _together(rows: list[list[str]]) -> list[list[str]]:
    """Rows of one name below each other, in the order in which the names come first."""
    order = list(dict.fromkeys(row[0] for row in rows))
    return sorted(rows, key=lambda row: order.index(row[0]))


def none_over_yields(ships: list[Reported]) -> str:
    """Wafers of none accepted as such over every share of random fails."""
    swept = [one.report["yields"] for one in ships]
    rows = [
        [
            f"{Kind(kind).words}, `{one.name}`",
            *(
                _percent(cell["right"] / cell["wafers"] if cell["wafers"] else None)
                for cell in each["cells"][kind]["none"]
            ),
        ]
        for kind in swept[0]["cells"]
        for one, each in zip(ships, swept, strict=True)
    ]
    heads = (f"{100 * share:g} %" for share in swept[0]["shares"])
    return table(["`none` accepted as such, %", *heads], rows)


def kept(ships: list[Reported]) -> str:
    """Patterns whose accepted wafers fell short of the precision that was aimed at."""
    lines = []
    for one in ships:
        aim = 100 * one.review["objective"].get("precision", 0.0)
        short = [
            f"{100 * each['right'] / each['accepted']:.1f} in {each['accepted']:,} of {name}"
            for name, each in one.review["patterns"].items()
            if each["accepted"] and 100 * each["right"] / each["accepted"] < aim
        ]
        said = f"on the test part it has {', '.join(short)}" if short else "no pattern is below it"
        lines.append(f"* `{one.name}` aims at a precision of {aim:g} %; {said}.")
    return "\n".join(lines)
