"""How wide and deep a network is: what a recipe says of it, and what its network is without that.

A stage begins with a convolution that may halve the map's side; residual blocks of the same width
follow. ``symmetric`` counts free channels, of which there are eight times as many written out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from edge.model.metadata import Layout
from edge.system.typed import MismatchError
from edge.wafer.encoding import SIZE

#: What networks are of which a recipe says nothing, by name. The seed's are as they are.
OWN: Final = {
    "residual": Layout((24, 32, 48), (0, 1, 1), (2, 2, 2), 5),
    "symmetric": Layout((4, 6, 8), (0, 1, 0), (2, 2, 2), 4),
}

#: Free channels of a stage with tied kernels: 512 written out, as many as others may have.
_MOST_TIED: Final = 64


def layout_of(
    name: str,
    widths: Sequence[int] = (),
    blocks: Sequence[int] = (),
    strides: Sequence[int] = (),
    kernel: int = 0,
) -> Layout | None:
    """The layout of a network; empty and 0: as its own is.

    Args:
        name: Of the network; one that is none in ``OWN`` has no layout.
        widths: Channels of each stage.
        blocks: Residual blocks of each stage.
        strides: Of each stage's first convolution.
        kernel: Side of the kernel of the first.

    Raises:
        MismatchError: there is no such network; says which key is wrong.
    """
    given = {"widths": widths, "blocks": blocks, "strides": strides, "kernel": kernel}
    if (own := OWN.get(name)) is None:
        if said := [key for key, value in given.items() if value]:
            raise MismatchError((said[0],), f"is for {' and '.join(OWN)}; leave it out for {name}")
        return None
    stages = len(widths) or len(own.widths)
    strides = strides or (2,) * stages
    found = Layout(
        tuple(widths) or own.widths,
        tuple(blocks) or own.blocks,
        tuple(strides),
        kernel or own.kernel,
    )
    for key, values in (("blocks", found.blocks), ("strides", found.strides)):
        if len(values) != stages:
            what = f"are {len(values)} numbers, widths has {stages} stages: give one a stage"
            raise MismatchError((key,), what)
    if name == "symmetric":
        _check_tied(found)
    elif found.kernel < found.strides[0]:
        what = f"is {found.kernel}, less than the stride: cells would be left out"
        raise MismatchError(("kernel",), what)
    return found


def _check_tied(layout: Layout) -> None:
    """Kernels tied over the symmetries need the same padding on both sides."""
    if max(layout.widths) > _MOST_TIED:
        what = f"are at most {_MOST_TIED} for symmetric: eight times as many are written out"
        raise MismatchError(("widths",), what)
    if not even(SIZE, layout.kernel, layout.strides[0]):
        fitting = [str(side) for side in range(1, 12) if even(SIZE, side, layout.strides[0])]
        what = f"is {layout.kernel}, symmetric needs the same padding on both sides"
        raise MismatchError(("kernel",), f"{what}: take {', '.join(fitting)}")


def even(side: int, kernel: int, stride: int) -> bool:
    """Whether a convolution leaves out no cell, and pads a map of this side alike on both sides."""
    padding = (-(-side // stride) - 1) * stride + kernel - side
    return kernel >= stride and padding >= 0 and padding % 2 == 0


def kernels(layout: Layout, side: int, *, tied: bool) -> Iterator[int]:
    """Side of the kernel that each stage begins with: later ones as small as will do, from 3 up."""
    for stage, stride in enumerate(layout.strides):
        kernel = max(3, stride)
        if tied and not even(side, kernel, stride):
            kernel += 1
        yield kernel if stage else layout.kernel
        side = -(-side // stride)
