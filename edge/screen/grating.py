"""The frequency that edges keep time with: pitch and phase of the lines along one axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from edge.screen.edges import Floats, Marks

#: Strips that a wafer is cut into.
_STRIPS: Final = 6

#: Least and most dies across a wafer.
_FEWEST: Final = 8
_MOST: Final = 130

#: Bins for the least pitch.
_FINE: Final = 8

#: Share of the strongest grating from which on a coarser one goes before, and from which on one is
#: worth a try.
_FIRST: Final = 0.7
_WORTH: Final = 0.5


@dataclass(frozen=True)
class LineGrating:
    """Even lines, in upright coordinates of about -1..1.

    An edge at x along the axis and at y along the lines is on line
    ``frequency * x + lean * y + phase``.
    """

    frequency: float
    lean: float
    phase: float


def gratings(side: Marks, axis: int, min_pitch: float, most: int) -> list[LineGrating]:
    """The frequencies that most edges keep time with, the likeliest first.

    Lines at even distances are in time with their pitch and its integer fractions; edges have some
    width, which weakens the fractions, so the pitch itself wins. The wafer is cut into strips
    along the lines, and their spectra are added up without phase: should the lines still lean, the
    strips are out of step with each other, but hardly so in themselves.

    Args:
        side: The edges.
        axis: 0 for the lines between columns, 1 for those between rows.
        min_pitch: Least distance of two lines.
        most: Of the result; none where the edges span too little.
    """
    places, aside = side.points[:, axis], side.points[:, 1 - axis]
    start, span, width = float(places.min()), float(np.ptp(places)), float(np.ptp(aside))
    if min(span, width) < min(0.5, _FEWEST * min_pitch):
        return []
    fine = _FINE / min_pitch
    bins = int(span * fine) + 1
    strip = (aside - aside.min()) * (_STRIPS / (width * (1 + 1e-9)))
    index = strip.astype(np.intp) * bins + ((places - start) * fine).astype(np.intp)
    counts = np.bincount(index, side.weights, _STRIPS * bins).reshape(_STRIPS, bins)
    length = 1 << (4 * bins - 1).bit_length()
    lowest = int(_FEWEST / 2 / fine * length)
    highest = int(min(_MOST / 2, 1 / (0.85 * min_pitch)) / fine * length)
    if highest - lowest < 4:
        return []
    # By the root the many edges of a long straight rim do not drown the others.
    spectrum = np.fft.rfft(np.sqrt(counts), length)[:, lowest : highest + 1]
    power = np.abs(spectrum).sum(axis=0)
    found = []
    for peak in _peaks(power, 2 * length // bins, most):
        frequency = (lowest + peak) / length * fine
        # How fast the strips fall out of step: the lean of the lines, in dies a strip.
        steps = np.fft.fft(spectrum[:, peak], 32 * _STRIPS)
        lean = float(np.fft.fftfreq(32 * _STRIPS)[int(np.abs(steps).argmax())]) * _STRIPS / width
        vector = np.exp(2j * np.pi * (frequency * places + lean * aside)) @ side.weights
        found.append(LineGrating(frequency, lean, -float(np.angle(vector)) / (2 * np.pi)))
    return found


def _peaks(power: Floats, width: int, most: int) -> list[int]:
    """Where a spectrum is strong, at least ``width`` apart."""
    # Where the sides of wide lines count, a fraction of the pitch may be almost as strong.
    first = int(np.argmax(power > _FIRST * power.max()))
    peaks = [first + int(power[first : first + width].argmax())]
    inner = (power[1:-1] >= power[:-2]) & (power[1:-1] > power[2:])
    inner &= power[1:-1] > _WORTH * power.max()
    strong = np.flatnonzero(inner) + 1
    for peak in strong[np.argsort(-power[strong])].tolist():
        if len(peaks) >= most:
            break
        if all(abs(peak - other) >= width // 4 for other in peaks):
            peaks.append(peak)
    return peaks
