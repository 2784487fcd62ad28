"""An inspected wafer, whatever grammar of KLARF it was read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.errors import InputError, InputKind
from edge.formats.fab.fab_map import Code, Defects, FabMap, Meaning
from edge.formats.fab.grid import numbered, pitch_of, placed
from edge.formats.fab.klarf_defects import DefectTable, Dies

#: How a file says that x grows to the right, seen from the front.
_NOT_MIRRORED: Final = frozenset({"", "NO", "N", "NONE", "FALSE", "0"})


@dataclass
class Inspected:
    """What has been read of an inspected wafer.

    Attributes:
        said: What the file says of it, by keyword in upper case.
        plan: The dies that were inspected; empty where the file does not say.
        others: Positions that were not, which only widen the drawing.
        defects: Its defects; None where it has no list of them.
        unit: Of lengths in the file, in um.
        warnings: What somebody should know.
    """

    said: Mapping[str, str]
    plan: list[Dies] = field(default_factory=list)
    others: list[Dies] = field(default_factory=list)
    defects: DefectTable | None = None
    unit: float = 1.0
    warnings: list[str] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, str]:
        """Lot and wafer, or else the slot, as far as the file says them."""
        said = self.said
        return said.get("LOTID", ""), said.get("WAFERID", "") or said.get("SLOT", "")

    def fab_map(self, source: str, index: int) -> FabMap:
        """The wafer: a die passes where it was inspected and no defect was found on it.

        Raises:
            InputError: the file does not say which dies were inspected, or has no defect list.
        """
        named = f"{source}[{index}]" if index else source
        if self.defects is None:
            what = "no defect list (DefectList), so it was not inspected, or the file is cut off"
            raise InputError(named, InputKind.UNREADABLE, f"{what}; export or copy it again")
        if not any(dies.x for dies in self.plan):
            what = "no inspected dies (SampleTestPlan), so nobody knows which passed"
            raise InputError(named, InputKind.NOT_A_MAP, f"{what}; export it with its test plan")
        lists = [*self.others, *self.plan]
        x = np.concatenate([np.array(dies.x, np.int64) for dies in lists])
        y = np.concatenate([np.array(dies.y, np.int64) for dies in lists])
        is_die = np.repeat([0] * len(self.others) + [1] * len(self.plan),
                           [len(dies.x) for dies in lists])  # fmt: skip
        grid, _, corner = placed(x, y, is_die, named, upwards=True)
        defects = _on_dies(self.defects, grid == 1, corner, self.unit, self.warnings)
        found = np.where(grid == 1, 0, -1)
        np.add.at(found, (defects.rows, defects.columns), 1)
        codes, counts = numbered(found)
        said = self.said
        if (mirrored := said.get("COORDINATESMIRRORED", "").upper()) not in _NOT_MIRRORED:
            what = f"x may run the other way (CoordinatesMirrored {mirrored[:20]})"
            self.warnings.append(f"{what}; drawn as it stands, a recipe's flip turns it over")
        return FabMap(
            codes,
            tuple(Code(str(n), Meaning.FAIL if n else Meaning.PASS) for n in counts),
            lot=said.get("LOTID", ""),
            wafer=said.get("WAFERID", ""),
            device=said.get("DEVICEID", ""),
            slot=said.get("SLOT", ""),
            orientation=said.get("ORIENTATIONMARKLOCATION", ""),
            pitch=self._pitch(named),
            tool=said.get("INSPECTIONSTATIONID", ""),
            defects=defects,
            format="KLARF",
            source=source,
            index=index,
            warnings=tuple(self.warnings),
        )

    def _pitch(self, named: str) -> tuple[float, float] | None:
        said = self.said.get("DIEPITCH", "").split()
        return pitch_of(said[0], said[1], self.unit, named) if len(said) == 2 else None


def _on_dies(
    table: DefectTable,
    is_die: npt.NDArray[np.bool_],
    corner: tuple[int, int],
    unit: float,
    warnings: list[str],
) -> Defects:
    """The defects that lie on inspected dies; adds to the warnings what does not."""
    has = [n for n, pair in enumerate(zip(table.x, table.y, strict=True)) if None not in pair]
    x = np.array([table.x[n] for n in has], np.int64)
    y = np.array([table.y[n] for n in has], np.int64)
    rows, columns = corner[1] - y, x - corner[0]
    height, width = is_die.shape
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    inside[inside] = is_die[rows[inside], columns[inside]]
    if outside := len(table.x) - int(np.count_nonzero(inside)):
        what = f"{outside} of {len(table.x)} defects lie on no die of the test plan"
        warnings.append(f"{what}; they make none fail")
    kept = np.array(has, np.int64)[inside]
    with np.errstate(over="ignore"):  # what is larger than float32 holds is larger than any limit
        sizes = (np.array(table.sizes, np.float64)[kept] * unit).astype(np.float32)
    classes = np.array(table.classes, np.int32)[kept]
    return Defects(rows[inside].astype(np.int32), columns[inside].astype(np.int32), classes, sizes)
