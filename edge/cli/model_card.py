"""The model card: what a model file says of itself, for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edge.evaluation.metrics import wilson
from edge.model.model_file import ModelFile
from edge.system.text import printable
from edge.verdict.rule import MIN_FAILS
from edge.wafer.patterns import PATTERNS


def card(model: ModelFile, *, flowing: bool = False) -> str:
    """Model card as plain, printable text: names in the file may hold anything.

    Args:
        model: Of which.
        flowing: Each paragraph of the notice on one line, for a terminal that breaks it.
    """
    lines = [*_lines(model)]
    notice = model.metadata.get("notice")
    if notice:
        broken = notice if isinstance(notice, list) else notice.splitlines()
        lines += ["", *(_paragraphs(broken) if flowing else broken)]
    return "\n".join(printable(line.replace("\t", " ")) for line in lines)


def _paragraphs(lines: list[str]) -> Iterator[str]:
    """Lines joined to paragraphs; an empty line ends one, and a reference ``[1]`` begins one."""
    paragraph = ""
    for line in lines:
        if paragraph and (not line.strip() or line.startswith("[")):
            yield paragraph
            paragraph = ""
        paragraph = f"{paragraph} {line}".strip()
        if not line.strip():
            yield ""
    yield paragraph


def _lines(model: ModelFile) -> Iterator[str]:
    data = model.metadata
    yield f"{data['name']}  ({len(model.content) / 1000:.1f} kB, sha256 {model.sha256[:16]}…)"
    yield f"file        {model.path}"
    yield f"made        {data.get('created', 'unknown')} by {_tools(data)}"
    network = data.get("network", {})
    yield (
        f"network     {network.get('name', 'unknown')}, recipe {network.get('recipe', 'unknown')}, "
        f"{network.get('parameters', 0):,} parameters"
    )
    encoding = data["encoding"]
    yield (
        f"encoding    {encoding['name']} version {encoding['version']}, "
        f"{encoding['size']} x {encoding['size']} cells, int8 in and out"
    )
    yield f"temperature {data['temperature']:.3f}"
    yield from _review(data)
    training = data.get("training", {})
    if training:
        yield (
            f"trained on  {training.get('wafers', 0):,} wafers of "
            f"{training.get('data', 'unknown')}, split by {training.get('split', '?')}"
        )
    yield from _accuracy(data.get("accuracy"))
    for title, key in (("intended use", "intended_use"), ("not for", "not_for")):
        for number, line in enumerate(data.get(key, [])):
            yield f"{title if number == 0 else '':<13}{line}"


def _accuracy(accuracy: dict[str, Any] | None) -> Iterator[str]:
    if not accuracy:
        yield "accuracy    not recorded"
        return
    before, after = accuracy["float"], accuracy["int8"]
    yield ""
    yield f"per-class accuracy on {accuracy['on']} ({accuracy['wafers']:,} wafers)"
    yield f"  {'pattern':<10} {'wafers':>7} {'float %':>8} {'int8 %':>8}   95 % interval (int8)"
    for name in PATTERNS:
        one, two = before["per_class"][name], after["per_class"][name]
        if one["recall"] is None or two["recall"] is None:
            yield f"  {name:<10} {0:>7}        -        -"
            continue
        # From the counts: the recorded ends are rounded already, and once is enough.
        low, high = wilson(round(two["recall"] * two["n"]), two["n"])
        yield (
            f"  {name:<10} {two['n']:>7} {100 * one['recall']:>8.1f} {100 * two['recall']:>8.1f}"
            f"   {100 * low:.1f} - {100 * high:.1f}"
        )
    means = [100 * scores["macro_recall"] for scores in (before, after)]
    yield f"  {'mean':<10} {'':>7} {means[0]:>8.2f} {means[1]:>8.2f}"
    averaged = accuracy.get("int8_average_symmetries")
    if averaged:
        mean = 100 * averaged["macro_recall"]
        yield f"  with --average-symmetries: mean {mean:.2f} % (8 x the time)"
    yield f"  agreement float / int8 {100 * accuracy['agreement']:.2f} %"
    if accuracy.get("allowed_drop") is not None:
        yield f"  made with --allow-drop {accuracy['allowed_drop']:g} instead of 1 point"
    yield ""


def _tools(data: dict[str, Any]) -> str:
    tools = data.get("tools", {})
    return ", ".join(f"{name} {version}" for name, version in tools.items()) or "unknown tools"


def _review(data: dict[str, Any]) -> Iterator[str]:
    """When a wafer goes to a person, and what that did on the test part."""
    rule = data["review"]
    aim = ", ".join(
        f"{name.replace('_', ' ')} {value:g}" for name, value in rule["objective"].items()
    )
    below = ", ".join(f"{name} {rule['below'][name]:g}" for name in PATTERNS)
    yield f"review      below {below}"
    yield f"            (set for {aim or 'nothing'})"
    yield (
        f"            unfamiliar above {rule['unfamiliar']['above']:g} standard deviations, mixed "
        f"above {rule['mixed']['above']:g}, fewer than {rule['min_dies']} dies"
    )
    yield (
        f"            fewer than {MIN_FAILS} failing dies are none, no network is asked; of other "
        "yields above 99 % the figures say little"
    )
    done = (data.get("accuracy") or {}).get("review")
    if done:
        yield (
            f"            on the test part {100 * done['share']:.1f} % to review, which caught "
            f"{done['wrong_caught']:,} of {done['wrong']:,} wrong"
        )
    error = data.get("calibration_error")
    if error:
        before, after = error["int8"]["before"], error["int8"]["after"]
        yield (
            f"            calibration error {before:.3f}, with the temperature {after:.3f}, "
            f"of the confidence {error['confidence']:.3f}"
        )
