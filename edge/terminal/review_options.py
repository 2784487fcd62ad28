"""Options that change when a wafer goes to a person."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from edge.terminal import options

if TYPE_CHECKING:
    from edge.verdict.rule import Costs


def costs_of(text: str) -> Costs:
    """``ESCAPE:FALSE_ALARM:REVIEW``, three numbers from 0 up."""
    from edge.verdict.rule import Costs

    try:
        escape, false_alarm, review = (float(part) for part in text.split(":"))
    except ValueError:
        why = f"{text!r} is not ESCAPE:FALSE_ALARM:REVIEW, for instance 20:5:1"
        raise click.BadParameter(why) from None
    if not all(math.isfinite(one) and one >= 0 for one in (escape, false_alarm, review)):
        raise click.BadParameter(f"{text!r}: costs are numbers from 0 up")
    return Costs(escape, false_alarm, review)


def thresholds_of(text: str) -> dict[str, float]:
    """``0.9`` for all patterns or ``Scratch=0.95`` for one, as {name or ``all``: confidence}."""
    name, sign, number = text.rpartition("=")
    if sign and not name.strip():
        raise click.BadParameter(f"{text!r} lacks its pattern; write Scratch=0.97, for instance")
    try:
        confidence = float(number)
    except ValueError:
        confidence = math.nan
    if not sign and math.isnan(confidence):
        why = f"{text!r} lacks its confidence; write {text}=0.97, for instance"
        raise click.BadParameter(why)
    if not 0 <= confidence <= 1:
        raise click.BadParameter(f"{text!r}: a confidence lies in 0..1")
    return {name or "all": confidence}


cost_table = click.option(
    "--cost-table",
    "costs",
    type=costs_of,
    metavar="ESCAPE:FALSE_ALARM:REVIEW",
    help="What a missed pattern, a wrong pattern and a look by a person cost, for instance 20:5:1; "
    "a wafer is accepted where that costs less than a look.",
)


def review_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--review-below``, ``--cost-table``, ``--unfamiliar-above`` and ``--mixed-above``."""
    below = click.option(
        "--review-below",
        "below",
        type=thresholds_of,
        multiple=True,
        metavar="[PATTERN=]CONFIDENCE",
        help="Leave wafers of less confidence to a person, instead of the model file's thresholds; "
        "may be repeated.",
    )
    unfamiliar = click.option(
        "--unfamiliar-above",
        "unfamiliar",
        type=options.FiniteRange(min=0),
        help="Leave wafers further from every class to a person, in standard deviations.",
    )
    mixed = click.option(
        "--mixed-above",
        "mixed",
        type=options.FiniteRange(0, 1),
        help="Leave wafers to a person that more probably than this show two patterns.",
    )
    return below(cost_table(unfamiliar(mixed(command))))
