"""Examples of a pattern and a classifier in, a pattern file and what is to be known of it out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Final

import numpy as np

from edge.classification.classifier import Classifier, coordinates_of
from edge.classification.examples import BETTER, BETTER_LOTS, called, check, distinct
from edge.classification.ordinary_file import of_model
from edge.classification.refit import grids_of
from edge.classification.views import view, views
from edge.errors import UsageError
from edge.own.fit import Fit, Views, scores
from edge.own.groups import two_groups
from edge.own.numbers import Numbers, numbers
from edge.own.ordinary import ENOUGH, FEWEST, Ordinary
from edge.own.pattern_file import FORMAT, Example, OwnPattern, Rule, check_name
from edge.own.rules import Coordinates
from edge.store.reader import KeptWafer
from edge.system.text import counted, listed
from edge.system.typed import MismatchError
from edge.verdict.familiarity import Embedding
from edge.verdict.rule import MIN_FAILS, Verdict
from edge.wafer.wafermap import WaferMap

#: Share of stored wafers above which claims are too common; share of another pattern's examples
#: above which two are too alike; share of recognised examples below which they lie apart.
COMMON, ALIKE, APART = 0.01, 0.3, 0.7

#: So few claims of stored wafers are not common, however few wafers are stored.
SEVERAL: Final = 5

#: Share of the examples that the model file accepts as one pattern, above which it knows them.
KNOWN: Final = 0.7

#: Percent of ordinary wafers that are claimed where a pattern was held against so many or a little
#: more: mean and worst of 24 patterns (measured; docs/own-patterns.md).
_MORE: Final = "name a store that keeps the maps of more (--store)"
_CLAIMS: Final = {FEWEST: (1.0, 3.0), 200: (0.8, 2.6), 500: (0.5, 1.6)}


@dataclass
class Taught:
    """What came of some examples.

    Attributes:
        pattern: The pattern file.
        recognised: Which of the examples the others recognise.
        claimed: Wafers of the store that it claims, the newest first.
        looked_at: Wafers of the store that it was tried on.
        nearest: Class whose ordinary wafers come nearest, and the share of them that is claimed.
        called: What the model file says of the examples: how many of each pattern and verdict.
        warnings: What speaks against using it, a sentence each.
    """

    pattern: OwnPattern
    recognised: tuple[bool, ...]
    claimed: list[KeptWafer] = field(default_factory=list)
    looked_at: int = 0
    nearest: tuple[str, float] = ("", 0.0)
    called: Counter[tuple[str, Verdict]] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)

    def sentences(self) -> Iterator[str]:
        """What a person must know of it."""
        name, share = self.nearest
        of_each = Counter[str]()
        for (pattern, _), count in self.called.items():
            of_each[pattern] += count
        said = ", ".join(f"{count} {pattern}" for pattern, count in of_each.most_common())
        accepted = sum(self.called[pattern, Verdict.ACCEPT] for pattern in of_each)
        yield f"the model file calls them: {said}; {accepted} of them would be accepted"
        known = sum(self.recognised)
        are = "is" if known == 1 else "are"
        yield f"{known} of them {are} recognised by the others (leave one out)"
        yield f"nearest: {name}, of whose ordinary wafers {100 * share:.1f} % would be claimed"
        if self.looked_at:
            wafers = f"of the last {counted(self.looked_at, 'wafer')} of the store"
            yield f"{wafers} it would have claimed {len(self.claimed)}, beside the examples"


def teach(
    name: str,
    examples: Sequence[WaferMap],
    classifier: Classifier,
    *,
    direction: bool = False,
    stored: Sequence[KeptWafer] = (),
    others: Iterable[OwnPattern] = (),
) -> Taught:
    """Make a pattern file of 5 to 50 examples.

    Args:
        name: Of the pattern.
        examples: Wafers that show it.
        classifier: Whose embedding is looked at.
        direction: Whether up matters.
        stored: Wafers of a store, the newest first: what it would have claimed.
        others: Patterns that are there already.

    Raises:
        UsageError: no name, or that of a class; too few or too many examples, or one in which
            hardly a die fails; too few ordinary wafers to hold them against.
    """
    model, coordinates = classifier.model, coordinates_of(classifier.model)
    check_name(name)
    if label := model.patterns.named(name):
        what = f"{name}: {model.path.name} has {label} as a class already"
        raise UsageError(f"{what}; choose another name")
    examples, repeats = distinct(examples, direction=direction)
    check(name, examples, repeats)
    seen_before = {one.dies.tobytes() for one in examples}
    kept = [(one, *seen) for one, seen in _seen(classifier, stored)]
    new = {id(one) for one, *_ in kept if one.dies.tobytes() not in seen_before}
    ordinary = of_model(model)
    if new:
        more = [(embedding, seen) for one, embedding, seen in kept if id(one) in new]
        embeddings, beside = zip(*more, strict=True)
        ordinary = ordinary.with_more(Ordinary(np.stack(embeddings), np.stack(beside)))
    mend = f"{_MORE}, or convert the model file anew from a larger set: they come with it"
    fit = Fit(ordinary.enough(mend), coordinates, direction=direction)
    shown = views(classifier, [one.dies for one in examples])
    rule, recognised = fit.rule(shown), fit.recalls(shown)
    recall = round(float(recognised.mean()), 3)
    found = Taught(
        _made(name, model.network_sha256, direction, recall, examples, rule),
        tuple(recognised.tolist()),
        looked_at=len(stored),
        called=Counter((one.pattern, one.verdict) for one in map(classifier.classify, examples)),
    )
    if kept:
        wafers, embeddings, seen = zip(*kept, strict=True)
        tried = scores(rule, coordinates, np.stack(embeddings), np.stack(seen))
        pairs = zip(wafers, tried, strict=True)
        found.claimed = [one for one, score in pairs if score > 0 and id(one) in new]
    found.nearest = _nearest(found.pattern, coordinates, ordinary, model.labels, shown)
    found.warnings += [*repeats, *_few(ordinary)]
    found.warnings += _doubts(found, examples, shown, fit, model.patterns.none)
    for other in others:
        found.warnings += _alike(found.pattern, other, classifier, coordinates)
    return found


def _made(
    name: str,
    network: str,
    direction: bool,
    recall: float,
    examples: Sequence[WaferMap],
    rule: Rule,
) -> OwnPattern:
    """The pattern file, made now.

    Raises:
        UsageError: the maps are too large together.
    """
    kept = tuple(Example.of(one.source, one.lot, one.wafer, one.dies) for one in examples)
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    try:
        return OwnPattern(FORMAT, name, network, direction, now, recall, kept, rule)
    except MismatchError as error:
        raise UsageError(f"{name}: {error}") from None


def rebuilt(pattern: OwnPattern, classifier: Classifier, stored: Sequence[KeptWafer]) -> Taught:
    """A pattern made anew from the examples in its file, for the classifier's model file.

    What was confirmed was another rule's: it is counted anew.

    Raises:
        UsageError: see ``teach``; or an example in the file is no wafer map.
    """
    maps = [
        WaferMap(dies, one.source, lot=one.lot, wafer=one.wafer)
        for one, dies in zip(pattern.examples, grids_of(pattern), strict=True)
    ]
    return teach(pattern.name, maps, classifier, direction=pattern.direction, stored=stored)


def _seen(
    classifier: Classifier, stored: Iterable[KeptWafer]
) -> Iterator[tuple[KeptWafer, tuple[Embedding, Numbers]]]:
    """Stored wafers on which enough dies fail; their embeddings are another model's, or kept."""
    for one in stored:
        if one.embedding is None or one.model_sha256 != classifier.model.sha256:
            if (found := view(classifier, one.dies)) is not None:
                yield one, found
        elif WaferMap(one.dies).fail_count >= MIN_FAILS:
            yield one, (np.frombuffer(one.embedding, np.int8), numbers(one.dies))


def _nearest(
    pattern: OwnPattern,
    coordinates: Coordinates,
    ordinary: Ordinary,
    labels: Sequence[str],
    shown: Views,
) -> tuple[str, float]:
    """The class that lies nearest to the examples, and the share of its wafers that is claimed."""
    of_examples = coordinates.nearest_class(shown.embeddings[:, 0])
    nearest = Counter(of_examples.tolist()).most_common(1)[0][0]
    of_class = coordinates.nearest_class(ordinary.embeddings) == nearest
    if not of_class.any():
        return labels[nearest], 0.0
    some = (ordinary.embeddings[of_class], ordinary.numbers[of_class])
    return labels[nearest], float((scores(pattern.rule, coordinates, *some) > 0).mean())


def _few(ordinary: Ordinary) -> Iterator[str]:
    """What it means that there are few ordinary wafers."""
    count = len(ordinary.numbers)
    if count < ENOUGH:
        mean, worst = _CLAIMS[max((n for n in _CLAIMS if n <= count), default=FEWEST)]
        trained = f", {ordinary.trained} of which trained the network" if ordinary.trained else ""
        least = "at least " if trained else ""
        yield (
            f"only {count} ordinary wafers to hold the examples against{trained}: {least}about "
            f"{mean} % of ordinary wafers are claimed then, up to {worst} %; {_MORE}"
        )


def _doubts(
    found: Taught, examples: Sequence[WaferMap], shown: Views, fit: Fit, none: str | None
) -> Iterator[str]:
    """What speaks against a pattern."""
    count = len(examples)
    if count < BETTER:
        yield f"too few: {count} examples; {BETTER} of {BETTER_LOTS} lots recognise more"
    lots = {one.lot for one in examples if one.lot is not None}
    if not lots:
        yield (
            "the lots of the examples are not known, they may be of few; say where they stand in "
            "names (--name-pattern '{lot}_{wafer}')"
        )
    elif len(lots) < BETTER_LOTS:
        few = counted(len(lots), "lot")
        yield f"the examples are of {few}: what is common to a lot passes for a pattern"
    unlike = [
        called(one) for one, is_one in zip(examples, found.recognised, strict=True) if not is_one
    ]
    if groups := two_groups(fit.coordinates.real(shown.embeddings).mean(axis=1)):
        first, second = ([called(examples[i]) for i in group[:3]] for group in groups)
        yield (
            f"the examples lie apart: {', '.join(first)} and others are unlike "
            f"{', '.join(second)} and others; are they two patterns? Then make two"
        )
    elif found.pattern.recall < APART:
        yield (
            f"the examples lie apart: the others do not recognise {listed(unlike, 5)}; is each "
            "of them this pattern, and no other?"
        )
    for (label, verdict), number in found.called.items():
        known = verdict is Verdict.ACCEPT and label != none
        if known and number > KNOWN * count:
            yield f"known already: the model file accepts {number} of them as {label}"
    name, share = found.nearest
    if share > ALIKE:
        yield f"too alike: {100 * share:.0f} % of ordinary {name} wafers would be claimed"
    if len(found.claimed) > max(SEVERAL, COMMON * found.looked_at):
        lots = {one.lot for one in found.claimed if one.lot is not None}
        yield (
            f"too common: it claims {100 * len(found.claimed) / found.looked_at:.1f} % of the "
            f"stored wafers, of {counted(len(lots), 'lot')}; is it a product instead of a pattern?"
        )


def _alike(
    pattern: OwnPattern, other: OwnPattern, classifier: Classifier, coordinates: Coordinates
) -> Iterator[str]:
    """Whether it claims the examples of another own pattern."""
    if other.name == pattern.name:
        return
    try:
        shown = views(classifier, grids_of(other))
    except UsageError as error:
        yield str(error)
        return
    tried = scores(pattern.rule, coordinates, shown.embeddings[:, 0], shown.numbers[:, 0])
    share = float((tried > 0).mean())
    if share > ALIKE:
        yield f"too alike: it claims {100 * share:.0f} % of the examples of {other.name}"
