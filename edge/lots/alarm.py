"""An alarm: a lot that is out of the ordinary, with all that must be said of it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from edge.system.choice import Choice


class Rule(Choice):
    """Why there is an alarm."""

    #: More wafers of a lot show a pattern than the baseline makes likely.
    LIMIT = "limit"
    #: The same, and all of them.
    WHOLE = "whole-lot"
    #: Lots in a row with at least one such wafer.
    ROW = "lots-in-a-row"
    #: So many of the last ten with at least one.
    SOME = "n-of-m"
    #: A mean moves away from the baseline's.
    DRIFT = "drift"
    #: Where asked for.
    NELSON = "nelson"


class Alarm(Struct, frozen=True):
    """A lot that is out of the ordinary.

    Attributes:
        rule: Why.
        subject: The pattern, or what drifts.
        lot: At which it began to hold.
        lots: All that it is about, the newest last.
        said: The sentence for people.
        numbers: What decided, for programs.
        chance: Share of lots at which the rule raises an alarm over this subject by chance.
        false_alarms_a_month: The same a month, by the lots that the baseline had in one.
        wafers: ``id`` of the records of the wafers that it is about, at most a hundred.
    """

    rule: Rule
    subject: str
    lot: str
    lots: list[str]
    said: str
    numbers: dict[str, Any]
    chance: float
    false_alarms_a_month: float
    wafers: list[str] = []


def rarely(chance: float) -> str:
    """A share of lots in words."""
    return f"1 of {round(1 / max(chance, 1e-9)):,} lots"
