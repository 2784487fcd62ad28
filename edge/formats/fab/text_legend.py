"""What each code of a text map means, as far as its header says."""

from __future__ import annotations

from collections.abc import Mapping

from edge.formats.fab.drawing import NULLS
from edge.formats.fab.fab_map import Code, Meaning, same_bin
from edge.formats.fab.grid import may_pass
from edge.formats.fab.header import Header, bin_of


def legend_of(counts: Mapping[str, int], header: Header) -> tuple[Code, ...]:
    """What each code means, as far as the header says.

    Args:
        counts: How often each code occurs.
        header: Of the map.
    """
    texts = list(counts)
    width = max(map(len, texts), default=1)
    null, skipped, reference, failing, passing = (
        header.codes(role, width) for role in ("null", "skipped", "reference", "failing", "passing")
    )
    passing = [found.symbol if (found := bin_of(each, header.bins)) else each for each in passing]
    passing = passing if all(may_pass(each, texts) for each in passing) else []
    stated = header.stated()
    says_none = bool(
        skipped or header.has("bcequ") or stated.tested is not None or stated.failed is not None
    )
    is_full = header.word("dies") == str(header.bins.total()) and header.bins.are_drawn(counts)
    legend = []
    for text in texts:
        found = header.bins.drawn_as(text)
        if text in reference:
            meaning = Meaning.REFERENCE
        elif text in null or text in skipped:
            meaning = Meaning.NULL
        elif found and found.meaning is not Meaning.UNKNOWN:
            meaning = found.meaning
        elif any(same_bin(text, each) for each in failing):
            meaning = Meaning.UNKNOWN if text in passing else Meaning.FAIL
        elif any(same_bin(text, each) for each in passing):
            meaning = Meaning.PASS
        elif passing and (found or (text.isalnum() and (says_none or _is_die(text, header)))):
            meaning = Meaning.FAIL
        elif not null and (set(text) <= NULLS or (len(text) > 1 and set(text) == {"-"})):
            meaning = Meaning.NULL
        elif is_full and not found and not text.isalnum():
            meaning = Meaning.MARK  # the list has all dies that there are
        else:
            meaning = Meaning.UNKNOWN
        legend.append(Code(text, meaning))
    return tuple(legend)


def _is_die(text: str, header: Header) -> bool:
    """Whether a code is one, where nothing counts the dies or says which codes are none.

    What a list of bins does not have may be a mark, and X fails in one family and is an untested
    edge in the next.
    """
    return not header.bins and set(text) != {"X"}
