"""Cross-validation by lot: a network a fold, and what each says of the wafers it did not see.

==================  ==========================================================================
``folds.json``      how many folds, recipe, fingerprint of the wafers of the train and val parts
``fold-1/`` ...     a run folder each (``train.run``), whose val part is its fold
``out_of_fold.npz`` what the networks said (``edge.dataset.out_of_fold``)
``suspects.csv``    wafers that are likely mislabelled (``train.suspects``)
==================  ==========================================================================
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from edge.dataset.folds import Folds, divide, fold_path, held_out, without_test
from edge.dataset.labelled_set import LabelledSet, Part
from edge.dataset.out_of_fold import OutOfFold
from edge.dataset.out_of_fold import load as load_folds
from edge.dataset.reading import naming
from edge.errors import DataError, UsageError, why
from edge.evaluation import metrics
from edge.system.files import exists, write_text
from edge.system.regular_file import read_text
from edge.system.typed import decode
from train import backend, session
from train import teacher as teachers
from train.batches import encode_all
from train.recipe import Recipe, from_dict
from train.run import Run
from train.session import Settings
from train.suspects import Suspects
from train.teacher import NetworkTeacher
from train.teaching import OPTIONS
from train.trainer import Stage, logits_of

NAME: Final = "folds.json"


@dataclass(frozen=True)
class CrossValidated:
    """What came of a cross-validation: figures over all folds, and the suspect wafers."""

    scores: metrics.Scores
    suspects: Suspects


def cross_validate(
    settings: Settings, count: int, tell: Callable[[str], None], stage: Stage = lambda *_: None
) -> CrossValidated:
    """Train a network a fold, or go on with it; ``settings.out`` is the folder of all.

    Wafers of the test part are let go of before anything is done with the others.

    Raises:
        DataError: as ``session.start``; or its lots do not make so many folds.
        UsageError: as ``session.start``; or the folder to resume has another number of folds, or
            the set holds several patterns a wafer.
    """
    recipe = _recipe(settings, count)
    first = settings.teacher and teachers.first_fold(settings.teacher, count)
    labelled, rows = without_test(session.divided(settings.data, tell))
    if labelled.patterns.is_several:
        what = "folds are for sets of one pattern a wafer, and those of this one show several"
        raise UsageError(f"{settings.data}: {what}; train without --folds")
    with naming(settings.data):
        folds = divide(labelled, count)
    content = {
        "folds": count,
        "recipe": recipe.as_dict(),
        "data": settings.data.name,
        "data_sha256": labelled.sha256(),
        "learns_from": _sources(settings),
    }
    if first:  # told before there is a folder
        NetworkTeacher.read(first).check(held_out(labelled, folds, 1), recipe)
    _begin(settings, content)
    for number in range(1, count + 1):
        _train_fold(number, count, held_out(labelled, folds, number), recipe, settings, tell, stage)
    found = _outputs(labelled, rows, folds, recipe, settings.out, stage)
    suspects = Suspects.of(found)
    found.save(settings.out)
    suspects.save(settings.out, labelled)
    names = found.patterns.names
    confusion = metrics.confusion_matrix(
        found.classes.astype(np.intp), found.logits.argmax(axis=1), len(names)
    )
    return CrossValidated(metrics.score(confusion, names), suspects)


def _recipe(settings: Settings, count: int) -> Recipe:
    """The recipe of all folds; what does not go with what is there is told before any work."""
    path = settings.out / NAME
    if settings.resume and exists(path):
        known = _read(path)
        recipe = from_dict(known.get("recipe"), str(path))
        if known.get("folds") != count:
            raise UsageError(
                f"{settings.out} was started with --folds {known.get('folds')}; resume it so"
            )
        session.check_same_recipe(settings.out, recipe, settings, started=bool(settings.start))
        return recipe
    if settings.resume:
        raise DataError(
            f"{settings.out}: no folder of folds (no {NAME}) to resume; leave out --resume"
        )
    Run.check_new(settings.out)
    if exists(path):
        raise UsageError(
            f"{settings.out} holds folds already; --resume goes on with them, or another --out"
        )
    return session.new_recipe(settings)


def _read(path: Path) -> dict[str, Any]:
    try:
        return decode(dict[str, Any], json.loads(read_text(path)))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({why(error)}); it is damaged") from error


def _sources(settings: Settings) -> dict[str, str]:
    """Hashes of the folds that all networks learn from, by option."""
    given = dict(zip(OPTIONS.values(), (settings.teacher, settings.from_folds), strict=True))
    return {option: load_folds(folder).sha256 for option, folder in given.items() if folder}


def _begin(settings: Settings, content: dict[str, Any]) -> None:
    """Write ``folds.json``, or hold this set and what teaches against those that are there."""
    path = settings.out / NAME
    if not settings.resume:
        settings.out.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(content, indent=1) + "\n")
        return
    known = _read(path)
    if known.get("data_sha256") != content["data_sha256"]:
        raise DataError(
            f"{settings.out} was started on other wafers of train and val part; resume with the "
            "same file"
        )
    was, now = decode(dict[str, str], known.get("learns_from", {})), content["learns_from"]
    if others := [option for option in OPTIONS.values() if was.get(option) != now.get(option)]:
        raise UsageError(
            f"{settings.out} was started with other folds as {' and '.join(others)}, or with or "
            "without; resume it as it was started"
        )


def _train_fold(
    number: int,
    count: int,
    fold: LabelledSet,
    recipe: Recipe,
    settings: Settings,
    tell: Callable[[str], None],
    stage: Stage,
) -> None:
    """Train the network of one fold, go on with it, or leave it as it is where it is finished."""
    path = fold_path(settings.out, number)
    run = Run(path) if exists(path / "config.json") else None
    named = f"fold {number} of {count}"
    if run and run.finished:
        session.check_same_data(run, fold)
        tell(f"{named}: trained already")
        return
    teacher = settings.teacher and fold_path(settings.teacher, number)
    sizes = [int((fold.columns["part"] == part).sum()) for part in (Part.TRAIN, Part.VAL)]
    tell(f"{named}: trains on {sizes[0]:,} wafers, judges {sizes[1]:,}")
    session.trained(
        fold,
        run.recipe if run else recipe,
        run,
        replace(settings, out=path, resume=run is not None, teacher=teacher),
        lambda text: tell(f"{named}: {text}"),
        lambda what, done, of: stage(f"{named}: {what}", done, of),
    )


def _outputs(
    labelled: LabelledSet,
    rows: np.typing.NDArray[np.intp],
    folds: Folds,
    recipe: Recipe,
    folder: Path,
    stage: Stage,
) -> OutOfFold:
    """What each network says of its fold."""
    backend.load()
    classes = labelled.class_indices()
    logits = np.zeros((len(labelled), len(labelled.patterns)), np.float32)
    for number in range(1, int(folds.max()) + 1):
        mine = folds == number
        encoding = partial(stage, f"encoding fold {number}")
        samples = encode_all(labelled.select(mine), recipe.encoding, encoding)
        logits[mine] = logits_of(Run(fold_path(folder, number)).load_model(), samples, stage)
    return OutOfFold(
        labelled.fingerprints(),
        rows.astype(np.int64),
        folds,
        classes.astype(np.int16),
        logits,
        labelled.patterns,
    )
