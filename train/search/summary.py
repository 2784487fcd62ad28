"""What a search found, in words."""

from __future__ import annotations

from collections.abc import Iterator

from train.search.front import Finalist, Front


def lines(found: Front) -> Iterator[str]:
    """For the terminal: the counts, the front, the finalists."""
    yield counted(found)
    if found.front:
        yield f"{'trial':>5} {'int8':>7} {'file':>9} {'invoke':>7} {'arena':>9}  seeds"
    seeds = {one.trial: one for one in found.finalists}
    for row in found.front:
        if row.cost and row.int8:
            figures = f"{100 * row.int8.recall:>6.2f} % {row.cost.bytes / 1000:>6.1f} kB"
            cost = f"{row.cost.invoke:>5.2f} x {row.cost.arena / 1024:>6.1f} KB"
            yield f"{row.trial:>5} {figures} {cost}  {over_seeds(seeds.get(row.trial), found)}"
    if said := verdict(found):
        yield said


def counted(found: Front) -> str:
    """How many trials came to what."""
    states = ("finished", "ended early", "refused", "repeated", "failed", "interrupted")
    counts = [f"{found.count(state)} {state}" for state in states if found.count(state)]
    return f"{len(found.rows)} trials: {', '.join(counts) or 'none'}"


def over_seeds(one: Finalist | None, found: Front) -> str:
    """Mean and range of a finalist."""
    if one is None:
        return ""
    low, high = min(one.recalls), max(one.recalls)
    part = "" if len(one.recalls) == found.seeds else f" of {found.seeds}"
    return f"{100 * one.mean:.2f} % ({100 * low:.2f} - {100 * high:.2f}, {len(one.recalls)}{part})"


def verdict(found: Front) -> str:
    """Who is best, unless seeds differ by more than that; empty where no finalist has several."""
    if not found.finalists or len(found.finalists[0].recalls) < min(found.seeds, 2):
        return ""
    alike = [one for one in found.finalists if one.alike]
    if len(alike) == 1:
        which = "best over seeds" if len(found.finalists) > 1 else "over seeds"
        return f"{which}: trial {alike[0].trial}, {over_seeds(alike[0], found)}"
    names = ", ".join(str(one.trial) for one in alike)
    cheap = min(alike, key=lambda one: (one.cost.bytes, one.cost.invoke))
    return (
        f"over seeds, trials {names} cannot be told apart in accuracy; the smallest of them is "
        f"trial {cheap.trial}"
    )
