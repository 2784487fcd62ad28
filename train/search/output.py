"""What a search leaves in its folder for people and programs: the front and its recipes."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from edge.system.files import write_text
from train.recipe import Recipe
from train.search import page
from train.search.cost import Cost
from train.search.front import Front, recipe_name
from train.search.space import Space

JSON, CSV, PAGE, RECIPES = "front.json", "front.csv", "front.html", "recipes"


def write(found: Front, folder: Path, space: Space) -> None:
    """Write ``front.json``, ``.csv``, ``.html`` and the recipes of the front.

    Raises:
        OutputError: a file cannot be written.
    """
    content = {**to_builtins(found), "front": [row.trial for row in found.front]}
    write_text(folder / JSON, json.dumps(content, indent=1, allow_nan=False) + "\n")
    write_text(folder / CSV, _table(found))
    write_text(folder / PAGE, page.render(found))
    (folder / RECIPES).mkdir(exist_ok=True)
    for row in found.front:
        recipe = space.recipe(row.values, recipe_name(space, row.trial))
        write_text(folder / RECIPES / f"{row.trial:04}.toml", toml(recipe))


def _table(found: Front) -> str:
    """A line a trial."""
    axes = sorted({name for row in found.rows for name in row.values})
    costs = Cost.__struct_fields__
    results = ("recall", "low", "high", "float_recall", "seconds")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", "state", "front", *results, *costs, "epochs", *axes, "why"])
    for row in found.rows:
        reached = row.int8
        figures = (
            [reached.recall, *reached.ci95, reached.float_recall, reached.seconds]
            if (reached)
            else [None] * 5
        )
        cost = [getattr(row.cost, name) if row.cost else None for name in costs]
        values = [row.values.get(name) for name in axes]
        writer.writerow(
            [
                row.trial,
                row.state,
                int(row.front),
                *figures,
                *cost,
                row.epochs,
                *values,
                row.why,
            ]
        )
    return text.getvalue()


def toml(recipe: Recipe) -> str:
    """A recipe as ``wm-edge train --recipe`` reads it; JSON's texts, numbers and lists do."""
    content = recipe.as_dict()
    sections = {name: values for name, values in content.items() if isinstance(values, dict)}
    lines = [_line(name, content[name]) for name in content if name not in sections]
    for name, values in sections.items():
        lines += ["", f"[{name}]", *(_line(key, value) for key, value in values.items())]
    return "\n".join(lines) + "\n"


def _line(key: str, value: Any) -> str:
    return f"{key} = {json.dumps(value, ensure_ascii=False)}"
