"""A search's folder: whose it is, and that one process alone works in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from edge.dataset.labelled_set import LabelledSet, Part
from edge.errors import DataError, UsageError, why
from edge.system.file_lock import Lock
from edge.system.typed import decode
from train.run import Run
from train.search.space import Space

#: What a search's folder says it is of.
ABOUT: Final = "search.json"


def opened(out: Path, data: Path, space: Space, labelled: LabelledSet) -> Lock:
    """Lock a search's folder, a new one or one to go on in.

    Args:
        out: The folder.
        data: Where the set was read.
        space: What is searched.
        labelled: The divided set.

    Raises:
        UsageError: it is of another search, holds something else, or somebody searches there.
        DataError: a part that is empty, or a damaged folder.
    """
    if not (len(labelled.part(Part.TRAIN)) and len(labelled.part(Part.VAL))):
        raise DataError(f"{data}: the train or the val part is empty; split it again")
    sha256 = {"data_sha256": labelled.sha256(), "parts_sha256": labelled.parts_sha256()}
    about = {"space": space.as_dict(), "data": data.name, **sha256}
    place, run = out / ABOUT, Run(out)
    if not place.exists():
        if out.exists() and any(out.iterdir()):
            raise UsageError(f"{out} holds something else; give another --out")
        out.mkdir(parents=True, exist_ok=True)
        run.write_json(ABOUT, about)
    try:
        known = decode(dict[str, Any], run.read_json(ABOUT))
    except ValueError as error:
        what = f"{place}: cannot be read ({why(error)}); it is damaged"
        raise DataError(f"{what}, begin the search again with another --out") from error
    for what, keys in (("space", ("space",)), ("set", tuple(sha256))):
        if any(known.get(key) != about[key] for key in keys):
            mend = f"go on with the same {what}, or give another --out"
            raise UsageError(f"{out} is the search of another {what}; {mend}")
    try:
        return Lock(place)
    except UsageError:
        raise UsageError(f"{out}: another process searches there; let it, or end it") from None
