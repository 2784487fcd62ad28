"""From the command's settings to a finished run: load, divide, start or resume, train."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import to_builtins
from msgspec.structs import asdict, replace

from edge import __version__
from edge.dataset.labelled_set import LabelledSet, Part
from edge.dataset.lots import lots_apart
from edge.dataset.reading import load, naming
from edge.dataset.split import PARTS, ensure_parts, part_doubts
from edge.errors import DataError, UsageError
from edge.evaluation.overlap import overlap_of
from edge.model.metadata import Layout
from edge.model.training import Sketch, build
from train import backend
from train.preparation import wanted
from train.recipe import EncodingName, NetworkRecipe, Recipe, from_dict
from train.recipe import load as load_recipe
from train.run import Run
from train.start import Start, located
from train.start import read as read_start
from train.synth.high_yield import told
from train.teaching import Teaching
from train.trainer import Result, Stage, train

#: Of a new run where none is given: of one from nothing, and of one that starts from a network.
DEFAULT_RECIPE = "default"
DEFAULT_WITH_START = "fine-tune"


@dataclass(frozen=True)
class Settings:
    """What ``wm-edge train`` was asked for; see its help. None: the recipe's, or the run's.

    Attributes:
        start: What to start from; see ``train.start.read``. None: nothing, or the run's.
        teacher: Run folder or folder of folds whose networks teach, too; see ``train.teaching``.
        from_folds: Folder of folds that says which wafers are likely mislabelled.
    """

    data: Path
    recipe: str | None
    out: Path
    seed: int | None = None
    epochs: int | None = None
    resume: bool = False
    start: str | None = None
    teacher: Path | None = None
    from_folds: Path | None = None


def start(
    settings: Settings, tell: Callable[[str], None], stage: Stage = lambda *_: None
) -> Result:
    """Train, or go on training.

    ``tell`` receives a line at a time, ``stage`` how far something is that takes long.

    Raises:
        DataError: unusable labelled set, or not the one that the run to resume was started with.
        ModelError: a model file to start from that cannot be used.
        UsageError: unknown recipe, nothing to start from, a value out of range, synthetic wafers of
            what is no pattern of the set, a run that exists already or is finished, or settings to
            resume with that are not the run's.
    """
    recipe, run = _asked(settings)
    return trained(divided(settings.data, tell), recipe, run, settings, tell, stage)


def divided(data: Path, tell: Callable[[str], None]) -> LabelledSet:
    """Read a labelled set and divide it where it is not; what its parts lack is told.

    Raises:
        DataError: unusable labelled set.
    """
    loaded = load(data)
    with naming(data):
        labelled = ensure_parts(loaded, tell)
    # Of a set that came divided, whoever divided it was told what it has few wafers of.
    for doubt in part_doubts(labelled, () if "part" in loaded.columns else PARTS):
        tell(f"warning: {doubt}")
    if not len(labelled.part(Part.TEST)):
        tell(
            "warning: the test part is empty: `wm-edge convert`, which judges on it, will refuse it"
        )
    return labelled


def trained(
    labelled: LabelledSet,
    recipe: Recipe,
    run: Run | None,
    settings: Settings,
    tell: Callable[[str], None],
    stage: Stage,
) -> Result:
    """Train on a divided set: a new run, or one that goes on. Raises: as ``start``."""
    recipe.check_kind(labelled.patterns)
    if run:
        check_same_data(run, labelled)
    teaching = Teaching.read(settings.teacher, settings.from_folds)
    teaching.check(labelled, recipe)
    if run:
        teaching.check_resumed(run.config, run.path)
    backend.load()
    if run:
        backend.check_same(run.path, run.config)
    begun = read_start(settings.start) if settings.start else None
    if run:
        _check_same_start(run, begun)
    else:
        if begun:
            recipe = _with_network(recipe, begun)
            _tell_seen(begun, labelled, tell)
        _tell_synthetics(recipe, labelled, tell)
        config = {
            **recipe.configuration(),
            **configuration(labelled, settings.data.name, begun),
            **teaching.config(),
        }
        run = Run.create(settings.out, config)
    tell(f"recipe {recipe.name}: {recipe.about}")
    for line in teaching.told(recipe):
        tell(line)

    def progress(entry: dict[str, float], epochs: int) -> None:
        tell(
            f"epoch {entry['epoch']:.0f}/{epochs}  {entry['seconds']:.0f} s  "
            f"loss {entry['loss']:.3f}  val loss {entry['val_loss']:.3f}  "
            f"val macro recall {100 * entry['val_macro_recall']:.2f} %"
        )

    return train(labelled, recipe, run, begun, teaching, progress=progress, stage=stage)


def _asked(settings: Settings) -> tuple[Recipe, Run | None]:
    """The recipe, and the run to resume; what is wrong with either is told before any work."""
    if settings.start:
        located(settings.start)
    if settings.resume:
        run = Run.open(settings.out)
        if run.finished:
            raise UsageError(f"{run.path}: this run is finished; nothing to resume")
        check_same_recipe(run.path, run.recipe, settings, started=run.origin is not None)
        return run.recipe, run
    Run.check_new(settings.out)
    return new_recipe(settings), None


def new_recipe(settings: Settings) -> Recipe:
    """The recipe of a new run.

    Raises:
        UsageError: there is none of that name, or a value is out of its range.
    """
    usual = DEFAULT_WITH_START if settings.start else DEFAULT_RECIPE
    return _adjusted(load_recipe(settings.recipe or usual), settings)


def _tell_synthetics(recipe: Recipe, labelled: LabelledSet, tell: Callable[[str], None]) -> None:
    """What will be drawn; before there is a run, so that a name that is wrong leaves none."""
    if recipe.synthetic.up_to:
        try:
            tell(str(wanted(labelled.part(Part.TRAIN), recipe.synthetic)))
        except UsageError as error:
            raise UsageError(f"recipe {recipe.name}: {error}") from None
    if recipe.high_yield.is_wanted:
        tell(told(labelled.patterns, recipe.high_yield))


def _adjusted(recipe: Recipe, settings: Settings) -> Recipe:
    if settings.seed is not None:
        recipe = replace(recipe, seed=settings.seed)
    if settings.epochs is not None:
        recipe = replace(recipe, optimise=replace(recipe.optimise, epochs=settings.epochs))
    return from_dict(recipe.as_dict(), recipe.name)  # checks the ranges again


def check_same_recipe(path: Path, recipe: Recipe, settings: Settings, *, started: bool) -> None:
    """Refuse settings that a resumed run could only ignore.

    Args:
        path: The run.
        recipe: Its own.
        settings: What is asked for now.
        started: Whether its network is that of what it started from, not the recipe's.

    Raises:
        UsageError: another recipe, seed or number of epochs.
    """
    wanted = recipe
    if settings.recipe is not None:
        loaded = load_recipe(settings.recipe)
        # Name and description change no weight; the run's seed and epochs may have been given by
        # option when it was started.
        wanted = replace(
            loaded,
            name=recipe.name,
            about=recipe.about,
            seed=recipe.seed,
            network=_laid_out(loaded.network, recipe.network.name, recipe.network.layout)
            if started
            else loaded.network,
            optimise=replace(loaded.optimise, epochs=recipe.optimise.epochs),
        )
    wanted = _adjusted(wanted, settings)
    if wanted != recipe:
        raise UsageError(
            f"{path} was started with recipe {recipe.name}, seed {recipe.seed}, "
            f"{recipe.optimise.epochs} epochs; resume without --recipe, --seed and --epochs, "
            "or start another run with another --out"
        )


def _with_network(recipe: Recipe, begun: Start) -> Recipe:
    """The recipe for the network that it starts from.

    Raises:
        UsageError: it prepares wafers as no such network takes them.
    """
    if recipe.encoding is not EncodingName.STATION:
        what = (
            f"recipe {recipe.name}: its encoding {recipe.encoding.value!r} is none that a network"
        )
        raise UsageError(f"{what} to start from takes; take another recipe, or leave out --from")
    return replace(recipe, network=_laid_out(recipe.network, begun.network, begun.layout))


def _laid_out(network: NetworkRecipe, name: str, layout: Layout | None) -> NetworkRecipe:
    """What a recipe says of a network, of one of another name and layout."""
    return replace(network, name=name, **(asdict(layout) if layout else {}))


def _check_same_start(run: Run, begun: Start | None) -> None:
    """Refuse another start than the run's, and a run whose start is needed and was not given."""
    origin = run.origin
    if begun and (not origin or origin.sha256 != begun.origin.sha256):
        was = f"from {origin.name}" if origin else "from nothing"
        raise UsageError(f"{run.path} was started {was}; resume without --from, or with the same")
    if origin and not begun and not run.has_checkpoint:
        what = f"{run.path} was interrupted before it had its network"
        raise UsageError(f"{what}; say with --from what it starts from: {origin.name}")


def _tell_seen(begun: Start, labelled: LabelledSet, tell: Callable[[str], None]) -> None:
    """Warn where wafers that shall judge have trained the start."""
    for part in (Part.VAL, Part.TEST):
        for sketch in begun.origin.sketches:
            seen = overlap_of(Sketch.parse(sketch), labelled.part(part))
            if seen.found:
                tell(f"warning: {part.value} part, {begun.origin.name}: {seen.warning()}")


def configuration(labelled: LabelledSet, data: str, begun: Start | None = None) -> dict[str, Any]:
    """What a run's ``config.json`` says beside its recipe; ``data`` names the set's file."""
    import numpy as np

    parts, counts = np.unique(labelled.columns["part"], return_counts=True)
    return {
        "data": data,
        "data_sha256": labelled.sha256(),
        "parts_sha256": labelled.parts_sha256(),
        "split_by_lot": lots_apart(labelled),
        "patterns": to_builtins(labelled.patterns),
        "sketch": build(labelled.part(Part.TRAIN).fingerprints()),
        **({"from": to_builtins(begun.origin)} if begun else {}),
        "parts": dict(zip(parts.tolist(), counts.tolist(), strict=True)),
        "tools": {
            "wm-edge": __version__,
            "python": platform.python_version(),
            **backend.versions(),
            "numpy": np.__version__,
        },
    }


def check_same_data(run: Run, labelled: LabelledSet) -> None:
    """Refuse to go on with a run on another set than its own.

    Raises:
        DataError: other wafers, or the same divided otherwise.
    """
    if not run.was_trained_on(labelled):
        what = f"{run.path} was started on {run.config['data']} with other wafers or another split"
        raise DataError(f"{what}; resume with the same file")
