"""Patterns of one's own after a change of model: made anew from the examples in their files."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import structs

from edge.classification.ordinary_file import of_model
from edge.classification.views import Sees, views
from edge.errors import UsageError
from edge.model.model_file import ModelFile
from edge.own.fit import Fit
from edge.own.pattern_file import FORMAT, OwnPattern
from edge.own.rules import Coordinates
from edge.wafer.wafermap import DieGrid


class Refit(NamedTuple):
    """Makes patterns fit a model file, with the ordinary wafers beside it.

    Attributes:
        model: The model file.
        coordinates: How its embedding is read.
        sees: A classifier of it.
    """

    model: ModelFile
    coordinates: Coordinates
    sees: Sees

    def __call__(self, pattern: OwnPattern) -> OwnPattern:
        """The pattern itself where its rule is for this network, else made anew for it.

        Raises:
            UsageError: an example in it is no wafer map, or there are too few ordinary wafers.
        """
        network, size = self.model.network_sha256, self.model.metadata.embedding.size
        if pattern.fits(network) and len(pattern.rule.mean) == size:
            return pattern
        ordinary = of_model(self.model)
        again = f"wm-edge pattern rebuild --model {self.model.path} --store STORE.sqlite"
        mend = f"`{again}` takes more of a store"
        fit = Fit(ordinary.enough(mend), self.coordinates, direction=pattern.direction)
        shown = views(self.sees, grids_of(pattern))
        rule = fit.rule(shown)
        return structs.replace(
            pattern,
            format=FORMAT,
            network=network,
            recall=round(float(fit.recalls(shown).mean()), 3),
            rule=rule,
            right=0,  # what was confirmed was another rule's
            wrong=0,
            trust=False,
        )


def grids_of(pattern: OwnPattern) -> list[DieGrid]:
    """The maps of its examples, uint8 (rows, columns).

    Raises:
        UsageError: one is no wafer map.
    """
    try:
        return [one.grid() for one in pattern.examples]
    except ValueError as error:
        raise UsageError(f"{pattern.name}: {error}; add the pattern again") from None
