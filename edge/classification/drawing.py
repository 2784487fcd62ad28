"""A prediction as a picture for notebooks and scripts: wafer, probabilities, verdict."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Final

from edge.system.text import cut, percent, printable
from edge.verdict.rule import Verdict
from edge.wafer import wafer_picture
from edge.wafer.patterns import JOINT
from edge.wafer.wafermap import DieGrid

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Bars of the most probable pattern and of the others, told apart in grey as well.
_BEST: Final = "#a52d14"
_OTHER: Final = "#cbd6e2"
#: Of words, on a white page and on a dark one.
_COLOURS: Final = {Verdict.ACCEPT: "#009e73", Verdict.REVIEW: "#d55e00"}

#: Inches of a figure, letters below and above its wafer, and those of a pattern's name.
_SIZE: Final = (6.4, 2.7)
_ROOM: Final = 44
_NAME: Final = 20


@dataclass(frozen=True)
class Drawing:
    """Attributes: as of a prediction, and words (pattern, verdict, wafer; short and printable).

    ``hint``, what the pattern usually points to, stands in HTML alone, which has the room.
    """

    dies: DieGrid
    pattern: str
    probabilities: Mapping[str, float]
    verdict: Verdict
    words: tuple[str, str, str]
    hint: str = ""

    def html(self) -> str:
        """Picture, bars and words side by side, in one piece that needs no file beside it."""
        cell = '<td style="text-align:left;padding:0 8px 0 0'
        rows = "".join(
            f'<tr style="background:none">{cell}">{escape(printable(name))}</td>{cell};width:130px'
            f'"><div style="height:9px;width:{100 * share:.1f}%;'
            f'background:{self._bar(name)}"></div></td>'
            f'{cell}">{escape(percent(share))} %</td></tr>'
            for name, share in self.probabilities.items()
        )
        pattern, verdict, wafer = map(escape, self.words)
        hint = f"<br>{escape(printable(self.hint))}" if self.hint else ""
        described = wafer_picture.describe(self.dies)
        return (
            '<div style="display:flex;gap:20px;align-items:center">'
            f'<div style="min-width:{wafer_picture.SIDE}px;text-align:center">'
            f'<img src="{wafer_picture.data_uri(self.dies)}" alt="{described}"></div>'
            f"<div><b>{pattern}</b><br>"
            f'<span style="color:{_COLOURS[self.verdict]}">{verdict}</span>{hint}'
            '<table style="margin:6px 0;font-size:90%;color:inherit;line-height:1.35">'
            f"{rows}</table>"
            f"<small>{wafer}<br>{described}</small></div></div>"
        )

    def png(self) -> bytes:
        """The same as a PNG; the wafer map alone where there is no matplotlib."""
        try:
            from matplotlib.figure import Figure
        except ModuleNotFoundError:
            return wafer_picture.png(self.dies)
        figure = Figure(figsize=_SIZE, layout="constrained")
        self._draw(figure)
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=110)
        return content.getvalue()

    def plot(self, axes: Axes | None = None) -> Axes:
        """See ``Prediction.plot``."""
        try:
            import matplotlib.pyplot as plt
        except ModuleNotFoundError as error:
            text = f"plot() needs {error.name}, which is not installed; pip install matplotlib"
            raise ModuleNotFoundError(text, name=error.name) from error
        if axes is None:
            return self._draw(plt.figure(figsize=_SIZE, layout="constrained"))
        self._draw_map(axes)
        self._title(axes)
        return axes

    def _draw(self, figure: Any) -> Axes:
        wafer, bars = figure.subplots(1, 2, width_ratios=(1, 1.1))
        self._draw_map(wafer)
        # Names of files and lots are text, dollar signs too.
        wafer.set_xlabel(cut(self.words[2], _ROOM), fontsize="small", parse_math=False)
        names, shares = zip(*self.probabilities.items(), strict=True)
        drawn = bars.barh(range(len(names)), shares, color=[self._bar(name) for name in names])
        called = [cut(printable(name), _NAME) for name in names]
        bars.set_yticks(range(len(names)), called, parse_math=False)
        labels = [f"{percent(share)} %" for share in shares]
        bars.bar_label(drawn, labels, padding=3, fontsize="small")
        bars.set(xlim=(0, 1.25), xticks=[])
        bars.invert_yaxis()
        bars.tick_params(length=0, labelsize="small")
        bars.spines[["top", "right", "bottom"]].set_visible(False)
        self._title(bars)
        return wafer

    def _draw_map(self, axes: Axes) -> None:
        axes.imshow(wafer_picture.picture(self.dies)[..., ::-1])
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)

    def _title(self, axes: Axes) -> None:
        words = "\n".join(cut(one, _ROOM) for one in self.words[:2])
        colour = _COLOURS[self.verdict]
        axes.set_title(words, fontsize="medium", color=colour, parse_math=False)

    def _bar(self, name: str) -> str:
        shown = (self.pattern, *self.pattern.split(JOINT))
        return _BEST if name in shown else _OTHER
