"""The report's tables on the layers of the network."""

from __future__ import annotations

from convert.report.evidence import Evidence
from convert.report.sensitivity import Effect
from convert.report.tables import ABSENT, PageTable


def layer_errors(evidence: Evidence) -> PageTable:
    """What int8 does to the activations of each layer."""
    layers = evidence.layers.layers if evidence.layers else ()
    return PageTable(
        "Error of the activations of each layer",
        (
            "layer",
            "operator",
            "output",
            "RMSE / scale",
            "signal to noise, dB",
            "saturated, %",
        ),
        tuple(
            (
                layer.name,
                layer.operator,
                " x ".join(map(str, layer.shape)),
                f"{layer.rmse_steps:.2f}",
                ABSENT if layer.sqnr_db is None else f"{layer.sqnr_db:.1f}",
                f"{100 * layer.saturated:.3f}",
            )
            for layer in layers
        ),
    )


def ranges(evidence: Evidence) -> PageTable:
    """Ranges of activations and weights."""
    layers = evidence.layers.layers if evidence.layers else ()
    rows = []
    for layer in layers:
        weights = layer.weights
        rows.append(
            (
                layer.name,
                f"{layer.minimum:.4g} … {layer.maximum:.4g}",
                f"{layer.scale:.5g}",
                str(layer.zero_point),
                f"{weights.minimum:.4g} … {weights.maximum:.4g}" if weights else ABSENT,
                ("channel" if weights.per_channel else "tensor") if weights else ABSENT,
                f"{weights.channel_ratio:.3g}" if weights and weights.channel_ratio else ABSENT,
                str(weights.dead_channels) if weights else ABSENT,
            )
        )
    return PageTable(
        "Ranges in float and how int8 holds them",
        (
            "layer",
            "activations",
            "scale",
            "zero point",
            "weights",
            "one scale for each",
            "widest / narrowest channel",
            "channels of zeros",
        ),
        tuple(rows),
    )


def sensitivities(evidence: Evidence) -> PageTable:
    """Each layer alone in int8, and each alone in float."""
    layers = evidence.sensitivity.layers if evidence.sensitivity else ()

    def cells(effect: Effect | None) -> tuple[str, str]:
        if effect is None:
            return ABSENT, ABSENT
        return f"{100 * effect.probability_change:.3f}", f"{100 * effect.class_changes:.1f}"

    return PageTable(
        "Change against the float network",
        (
            "layer",
            "alone in int8: probability, points",
            "class changed, % of wafers",
            "all but this: probability, points",
            "class changed, % of wafers",
            "note",
        ),
        tuple(
            (layer.name, *cells(layer.alone), *cells(layer.without), layer.reason or "")
            for layer in layers
        ),
    )
