"""How the wafers of an archive are judged: options that several of its verbs have."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.terminal import options, review_options

if TYPE_CHECKING:
    from edge.archive.results import Settings
    from edge.verdict.rule import Costs


def judged(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--model``, the options of review, ``--average-symmetries`` and ``--kernels``.

    The command gets ``settings``, which makes ``edge.archive.results.Settings`` of them.
    """

    @wraps(command)
    def with_settings(
        *given: Any,
        model: Path | None,
        below: tuple[dict[str, float], ...],
        costs: Costs | None,
        unfamiliar: float | None,
        mixed: float | None,
        average_symmetries: bool,
        kernels: str,
        **others: Any,
    ) -> Any:
        def settings() -> Settings:
            options.require("pyarrow")
            from edge.archive.results import Settings
            from edge.model.model_file import load
            from edge.model.runtime import Kernels

            model_file = load(model)
            rule = model_file.review.with_overrides(below, costs, unfamiliar, mixed)
            return Settings(model_file, rule, average_symmetries, Kernels(kernels))

        return command(*given, settings=settings, **others)

    decorators = (
        options.kernels,
        options.average_symmetries,
        review_options.review_options,
        options.model,
    )
    decorated: Callable[..., Any] = with_settings
    for decorator in decorators:
        decorated = decorator(decorated)
    return decorated
