"""The model card: what a model file says of itself, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge.classification.side_by_side import table
from edge.evaluation.metrics import wilson
from edge.model.measured import Accuracy
from edge.model.metadata import Metadata
from edge.model.model_file import ModelFile, load
from edge.model.training import Training
from edge.system import shipped
from edge.system.text import columns, counted, padded, printable
from edge.verdict.rule import MIN_FAILS
from edge.wafer.patterns import PatternSet


def card(model: ModelFile, *, flowing: bool = False) -> str:
    """Model card as plain, printable text: names in the file may hold anything.

    Where it is ``flowing``, each paragraph of the notice is on one line: a terminal breaks it.
    """
    lines = [*_lines(model), *_side_by_side(model)]
    if notice := model.metadata.notice:
        broken = notice.splitlines() if isinstance(notice, str) else notice
        lines += ["", *(_paragraphs(broken) if flowing else broken)]
    return "\n".join(printable(line.replace("\t", " ")) for line in lines)


def _side_by_side(model: ModelFile) -> Iterator[str]:
    """The model files that ship, where this is one of several."""
    paths = shipped.paths()
    if model.path in paths and len(paths) > 1:
        yield ""
        yield from table([load(path) for path in paths])


def _paragraphs(lines: Sequence[str]) -> Iterator[str]:
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
    tools = ", ".join(f"{name} {version}" for name, version in data.tools.items())
    yield f"{data.name}  ({len(model.content) / 1000:.1f} kB, sha256 {model.sha256[:16]}…)"
    yield f"file        {model.path}"
    yield f"made        {data.created or 'unknown'} by {tools or 'unknown tools'}"
    network, training, encoding = data.network, data.training, data.encoding
    yield (
        f"network     {network.name or 'unknown'}, recipe {network.recipe or 'unknown'}, "
        f"{network.parameters:,} parameters"
    )
    if layout := network.layout:
        stages = zip(layout.widths, layout.blocks, layout.strides, strict=False)
        told = ", ".join(f"{width} /{stride} + {blocks}" for width, blocks, stride in stages)
        yield f"            stages (channels /stride + residual blocks): {told}"
    yield f"encoding    {encoding}, {encoding.size} x {encoding.size} cells, int8 in and out"
    if data.outputs is None:
        yield f"temperature {data.temperature:.3f}"
    else:
        yield f"names       several a wafer of {', '.join(data.patterns)}, or none"
    yield from called(data.patterns)
    yield from _review(data)
    if training != Training():
        yield (
            f"trained on  {training.wafers:,} wafers of {training.data or 'unknown'}, "
            f"split by {training.split or '?'}"
        )
    if origin := training.origin:
        yield f"started from {origin.name or 'unknown'}  (sha256 {origin.sha256[:16]}…)"
    yield from _accuracy(data.accuracy, data.patterns.names)
    for title, texts in (("intended use", data.intended_use), ("not for", data.not_for)):
        for number, line in enumerate(texts):
            yield f"{title if number == 0 else '':<13}{line}"


def _accuracy(accuracy: Accuracy | None, names: Sequence[str]) -> Iterator[str]:
    if not accuracy:
        yield "accuracy    not recorded"
        return
    before, after, averaged = accuracy.float_, accuracy.int8, accuracy.int8_average_symmetries
    yield ""
    yield f"per-class accuracy on {accuracy.on} ({accuracy.wafers:,} wafers)"
    width = max(10, *map(columns, names))
    head = f"  {padded('pattern', width)} {'wafers':>7} {'float %':>8} {'int8 %':>8}"
    yield f"{head}   95 % interval (int8)"
    for name in names:
        one, two = before.per_class[name], after.per_class[name]
        if one.recall is None or two.recall is None:
            yield f"  {padded(name, width)} {0:>7}        -        -"
            continue
        # From the counts: the recorded ends are rounded already, and once is enough.
        low, high = wilson(round(two.recall * two.n), two.n)
        yield (
            f"  {padded(name, width)} {two.n:>7} {100 * one.recall:>8.1f} {100 * two.recall:>8.1f}"
            f"   {100 * low:.1f} - {100 * high:.1f}"
        )
    if accuracy.int8.exact and accuracy.float_.exact:
        exact = [figures.exact for figures in (before, after) if figures.exact]
        shares = [100 * each.right / max(1, each.n) for each in exact]
        yield f"  {padded('exactly', width)} {exact[1].n:>7} {shares[0]:>8.2f} {shares[1]:>8.2f}"
    means = [100 * scores.macro_recall for scores in (before, after)]
    yield f"  {padded('mean', width)} {'':>7} {means[0]:>8.2f} {means[1]:>8.2f}"
    if averaged:
        mean = 100 * averaged.macro_recall
        yield f"  with --average-symmetries: mean {mean:.2f} % (8 x the time)"
    yield f"  agreement float / int8 {100 * accuracy.agreement:.2f} %"
    if accuracy.allowed_drop is not None:
        yield f"  made with --allow-drop {accuracy.allowed_drop:g} instead of 1 point"
    yield ""


def called(patterns: PatternSet) -> Iterator[str]:
    """What else patterns are called, and what they usually point to."""
    said = (
        ("also", [f"{alias} is {name}" for alias, name in patterns.aliases.items()]),
        ("points to", [f"{name}: {hint}" for name, hint in patterns.hints.items()]),
    )
    for title, lines in said:
        for number, line in enumerate(lines):
            yield f"{title if number == 0 else '':<12}{line}"


def _held(data: Metadata) -> Iterator[str]:
    """What the thresholds promise on other lots, where folds set them."""
    review = data.review
    if (folds := review.folds) is None:
        return
    yield (
        f"            by {folds.wafers:,} wafers of {folds.lots:,} lots (one of unknown lot counts "
        f"as a lot), each judged by one of {folds.networks} networks that had not seen its lot"
    )
    for name in data.patterns:
        if (held := review.holds.get(name)) is None:
            continue
        sure = "on other lots at least" if held.promised else "aimed at; sure is at least"
        yield (
            f"              {name}: {sure} {100 * held.at_least:.1f} %, by "
            f"{counted(held.accepted, 'accepted wafer')} of {counted(held.lots, 'lot')}, "
            f"{100 * held.precision:.1f} % of them right"
        )


def _review(data: Metadata) -> Iterator[str]:
    """When a wafer goes to a person, and what that did on the test part."""
    rule = data.review
    aim = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in rule.objective.items())
    below = ", ".join(f"{name} {rule.below[name]:g}" for name in data.patterns)
    yield f"review      below {below}"
    yield f"            (set for {aim or 'nothing'})"
    yield from _held(data)
    yield (
        f"            unfamiliar above {rule.unfamiliar.above:g} standard deviations, mixed "
        f"above {rule.mixed.above:g}, fewer than {rule.min_dies} dies"
    )
    if (none := data.patterns.nothing) is not None:
        yield (
            f"            fewer than {MIN_FAILS} failing dies are {none}, no network is asked; of "
            "other yields above 99 % the figures say little"
        )
    if data.accuracy and (done := data.accuracy.review):
        yield (
            f"            on the test part {100 * done.share:.1f} % to review, which caught "
            f"{done.wrong_caught:,} of {done.wrong:,} wrong"
        )
    if error := data.calibration_error:
        yield (
            f"            calibration error {error.int8.before:.3f}, with the "
            f"{'temperature' if data.outputs is None else 'numbers of each output'} "
            f"{error.int8.after:.3f}, of the confidence {error.confidence:.3f}"
        )
