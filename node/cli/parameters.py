"""Parameters that several commands have, and what completes them in a shell.

What completes is imported when a shell asks, because it loads the whole API.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

HOME_DEFAULT = Path(".wuxin/demo")
AS_ORG = "Ask as this organisation; not needed where only one may."


class Engine(StrEnum):
    """A real ledger: of facts, of obligations."""

    FABRIC = "fabric"
    EVM = "evm"


def complete_operations(incomplete: str) -> list[tuple[str, str]]:
    """Operations that begin so, with what each does."""
    from node.cli.call import names_beginning

    return names_beginning(incomplete)


def complete_fields(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Fields, of the operation on the line, that begin so."""
    from node.cli.call import fields_beginning

    return fields_beginning(ctx, incomplete)


def complete_organisations(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Organisations of the home on the line that begin so."""
    from node.cli.call import organisations_beginning

    return organisations_beginning(ctx, incomplete)


Home = Annotated[Path, typer.Option("--home", metavar="FOLDER", envvar="WUXIN_HOME", help="The installation's folder.")]
AsJson = Annotated[bool, typer.Option("--json", metavar="", help="Print JSON.")]
Endorser = Annotated[
    str, typer.Argument(metavar="ORG", help="An organisation that endorses.", autocompletion=complete_organisations)
]
