"""The commands `wuxin network …` and `wuxin engines …`: real ledgers on this machine."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from node.cli.parameters import HOME_DEFAULT, AsJson, Engine, Home, complete_organisations

network = typer.Typer(no_args_is_help=True, help="Real ledgers on this machine: Hyperledger Fabric and BFT validators.")
engines = typer.Typer(no_args_is_help=True, help="The commands of the real ledgers.")


class ProfileFormat(StrEnum):
    """Clients that a connection profile can be written for."""

    HFC = "hfc"


@network.command("up")
def network_up(
    engine: Annotated[
        list[Engine] | None,
        typer.Option(
            metavar="ENGINE", help="fabric or evm; repeat for both. Without it those of the home, both of a new one."
        ),
    ] = None,
    home: Home = HOME_DEFAULT,
) -> None:
    """Bring up real ledgers for a home and make their first transactions. Repeated, start what does not run."""
    from node.cli.network import up

    up(home, [each.value for each in engine or ()])


@network.command("down")
def network_down(home: Home = HOME_DEFAULT) -> None:
    """End their processes; ledgers and keys stay."""
    from node.machine.network import down

    down(home)


@network.command("status")
def network_status(home: Home = HOME_DEFAULT, as_json: AsJson = False) -> None:
    """Show each process of the networks."""
    from node.cli.network import status

    raise typer.Exit(status(home, as_json=as_json))


@network.command("doctor")
def network_doctor(home: Home = HOME_DEFAULT, as_json: AsJson = False) -> None:
    """Look at the network of facts and name what is missing: a peer, an anchor, a package, a certificate, a clock."""
    from node.cli.network import doctor

    raise typer.Exit(doctor(home, as_json=as_json))


@network.command("upgrade-chaincode")
def network_upgrade_chaincode(home: Home = HOME_DEFAULT) -> None:
    """Have all organisations agree on the chaincode of this installation and run it, without a pause."""
    from node.cli.network import upgrade_chaincode

    upgrade_chaincode(home)


@network.command("profile")
def network_profile(
    org: Annotated[
        str, typer.Option(metavar="ORG", help="Whose client the profile is for.", autocompletion=complete_organisations)
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the profile goes; the client's key goes beside it.")],
    format: Annotated[
        ProfileFormat, typer.Option(metavar="FORMAT", help="For which client: hfc is fabric-sdk-py.")
    ] = ProfileFormat.HFC,
    home: Home = HOME_DEFAULT,
) -> None:
    """Write a connection profile with which a stock client reaches the network of facts."""
    from node.machine.network import write_profile

    write_profile(home, org, out)


@network.command("found")
def network_found(home: Home = HOME_DEFAULT) -> None:
    """Make the first transactions of both ledgers over the engines that connections.json names."""
    from node.machine.network import found_network

    found_network(home)


@network.command("besu")
def network_besu(
    node: Annotated[
        list[str],
        typer.Option(
            metavar="VALIDATOR", help="ORG=PUBLIC_KEY@HOST, one for each validator; the key in 128 hexadecimal digits."
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder that the configuration goes to.")],
    chain: Annotated[str, typer.Option(metavar="CHAIN", help="The circle's chain.")] = "e1",
    home: Home = HOME_DEFAULT,
) -> None:
    """Write the configuration of Hyperledger Besu with QBFT for a circle's chain."""
    from node.machine.network import write_besu

    for file in write_besu(home, chain, node, out):
        print(file)


@engines.command("build")
def engines_build() -> None:
    """Build the commands of Fabric and the validator from their Go modules, where they are not there already."""
    from node.machine.engines import build_engines

    for line in build_engines():
        print(line, flush=True)
