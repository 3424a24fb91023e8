"""`elvs`: the table of commands; each module is imported only when its command is called."""

import importlib
import sys
from typing import Any

import click

from elvs import __version__
from elvs.model.errors import ElvsError

COMMANDS = {
    "attach": "elvs.cli.attach:attach",
    "confirm": "elvs.cli.attach:confirm",
    "detach": "elvs.cli.attach:detach",
    "explain": "elvs.cli.explain:explain",
    "lab": "elvs.cli.lab:lab",
    "realserver": "elvs.cli.realserver:realserver",
    "status": "elvs.cli.status:status",
    "vip": "elvs.cli.vip:vip",
}
"""Name of the command -> `module:attribute` of its click command."""


class LazyGroup(click.Group):
    """A group that imports a command's module on first use, so that start-up stays cheap."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name].split(":")
        command: Any = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=LazyGroup)
@click.version_option(__version__, prog_name="elvs")
def cli() -> None:
    """The Linux Virtual Server on eBPF."""


def main() -> None:
    """Entry point: errors of ours become one line on stderr and their exit status."""
    try:
        cli()
    except ElvsError as error:
        print(f"elvs: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
