"""Why a frame gives no wafer map."""

from __future__ import annotations

from dataclasses import dataclass

from edge.system.choice import Choice


class RejectReason(Choice):
    """Why a frame gives no wafer map."""

    NO_WAFER = "no-wafer"
    CUT_OFF = "cut-off"
    BLUR = "blur"
    EXPOSURE = "exposure"
    UNCLEAR_GRID = "unclear-grid"
    UNSTABLE = "unstable"


@dataclass(frozen=True)
class Refusal:
    """A frame that gives no wafer map.

    Attributes:
        gate: Which step refused it.
        why: What it saw, for a person who sets up the camera.
    """

    gate: RejectReason
    why: str
