"""Options that change when a wafer goes to a person."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import click

from edge.terminal import options
from edge.wafer.patterns import PATTERNS, pattern_named


class CostTable(click.ParamType):  # type: ignore[type-arg] # generic from click 8.3 on
    """``ESCAPE:FALSE_ALARM:REVIEW``, three numbers from 0 up."""

    name = "costs"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the three numbers."""
        from edge.verdict.rule import Costs

        if isinstance(value, Costs):
            return value
        try:
            escape, false_alarm, review = (float(part) for part in str(value).split(":"))
        except ValueError:
            self.fail(
                f"{value!r} is not ESCAPE:FALSE_ALARM:REVIEW, for instance 20:5:1", param, ctx
            )
        if not all(math.isfinite(one) and one >= 0 for one in (escape, false_alarm, review)):
            self.fail(f"{value!r}: costs are numbers from 0 up", param, ctx)
        return Costs(escape, false_alarm, review)


class Below(click.ParamType):  # type: ignore[type-arg] # generic from click 8.3 on
    """``0.9`` for all patterns or ``Scratch=0.95`` for one."""

    name = "threshold"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it as {pattern: probability}."""
        if isinstance(value, dict):
            return value
        name, sign, number = str(value).rpartition("=")
        pattern = pattern_named(name)
        if sign and pattern is None:
            self.fail(f"unknown pattern {name!r}; known: {', '.join(PATTERNS)}", param, ctx)
        try:
            probability = float(number)
        except ValueError:
            probability = math.nan
        if not sign and (named := pattern_named(number)):
            self.fail(
                f"{value!r} lacks its confidence; write {named}=0.97, for instance", param, ctx
            )
        if not 0 <= probability <= 1:
            self.fail(f"{value!r}: a confidence lies in 0..1", param, ctx)
        return dict.fromkeys((pattern,) if pattern else PATTERNS, probability)


cost_table = click.option(
    "--cost-table",
    "costs",
    type=CostTable(),
    metavar="ESCAPE:FALSE_ALARM:REVIEW",
    help="What a missed pattern, a wrong pattern and a look by a person cost, for instance 20:5:1; "
    "a wafer is accepted where that costs less than a look.",
)


def review_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--review-below``, ``--cost-table``, ``--unfamiliar-above`` and ``--mixed-above``."""
    below = click.option(
        "--review-below",
        "below",
        type=Below(),
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
