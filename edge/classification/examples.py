"""Examples of a pattern of one's own: which of them count, and whether they are enough."""

from __future__ import annotations

from collections.abc import Sequence

from edge.classification.views import symmetries
from edge.errors import UsageError
from edge.own.pattern_file import MOST
from edge.system.text import counted, listed
from edge.verdict.rule import MIN_FAILS
from edge.wafer.encoding import crop
from edge.wafer.wafermap import WaferMap

#: Examples: at least, and better; and of how many lots.
LEAST, BETTER, BETTER_LOTS = 5, 10, 3


def distinct(examples: Sequence[WaferMap], *, direction: bool) -> tuple[list[WaferMap], list[str]]:
    """Examples that differ by more than flips and turns; what is to be said of the others.

    Where up matters, a turned map is another one.
    """
    first: dict[tuple[tuple[int, ...], bytes], WaferMap] = {}
    copies = []
    for one in examples:
        dies = crop(one.dies)
        turned = [dies] if direction else symmetries(dies)
        key = min((each.shape, each.tobytes()) for each in turned)
        if key in first:
            copies.append(f"{called(one)} like {called(first[key])}")
        first.setdefault(key, one)
    if not copies:
        return list(first.values()), []
    also = "" if direction else ", or turned or flipped"
    repeated = f"the same map again{also}: {listed(copies, 3)}; each counts once"
    return list(first.values()), [repeated]


def check(name: str, examples: Sequence[WaferMap], repeats: Sequence[str]) -> None:
    """Refuse too few or too many examples, and one that shows nothing.

    Args:
        name: Of the pattern.
        examples: See ``distinct``.
        repeats: Likewise.

    Raises:
        UsageError: they make no pattern.
    """
    if not LEAST <= len(examples) <= MOST:
        more = "" if len(examples) < LEAST else "; `wm-edge train` learns from more"
        what = f"{counted(len(examples), 'example')}, {LEAST} to {MOST} are needed"
        raise UsageError(
            "; ".join([f"{name}: {what}, better {BETTER} of {BETTER_LOTS} lots{more}", *repeats])
        )
    for one in examples:
        if one.fail_count < MIN_FAILS:
            what = "hardly a die fails, it shows no pattern"
            raise UsageError(f"{called(one)}: {what}; leave it out")


def called(wafer_map: WaferMap) -> str:
    """What an example is called in messages."""
    return f"{wafer_map.source}[{wafer_map.index}]" if wafer_map.index else wafer_map.source
