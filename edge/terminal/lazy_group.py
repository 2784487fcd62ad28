"""A group of verbs, each loaded when it is called."""

from __future__ import annotations

import importlib
from typing import ClassVar, NamedTuple

import click


class Route(NamedTuple):
    """Attributes: module (whose ``command`` is the verb), help (one line), extra (to install)."""

    module: str
    help: str
    extra: str = ""


class LazyGroup(click.Group):
    """A click group whose verbs are imported when they run; ``--help`` reads the table."""

    routes: ClassVar[dict[str, Route]]

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table."""
        return list(self.routes)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one verb."""
        route = self.routes.get(cmd_name)
        if route is None:
            return None
        command: click.Command = importlib.import_module(route.module).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb; of a word that is none, say which it is like."""
        if (name := args[0]) not in self.routes and not name.startswith("-"):
            from difflib import get_close_matches  # loaded where something is wrong already

            like = " or ".join(get_close_matches(name.lower(), [*self.routes, "--help"], 2))
            ctx.fail(f"no command {name!r}" + (f"; did you mean {like}?" if like else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, route.help) for name, route in self.routes.items()])
