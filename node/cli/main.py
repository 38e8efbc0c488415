"""The command `wuxin`. Each command imports what it needs when it runs, so that `wuxin verify` never loads a ledger.

What its exit status says stands in `node.cli.exit_status`.
"""

import json
import os
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from node.cli.exit_status import REFUSED, UNAVAILABLE, UNREADABLE
from wuxin_evidence.errors import NamedError
from wuxin_evidence.printable import printable

HOME_DEFAULT = Path(".wuxin/demo")
CONSORTIUM_FILE = "consortium.toml"


class Engine(StrEnum):
    """A real ledger: of facts, of obligations."""

    FABRIC = "fabric"
    EVM = "evm"


class ProfileFormat(StrEnum):
    """Clients that a connection profile can be written for."""

    HFC = "hfc"


app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="A consortium node for lending against things.",
)
device = typer.Typer(no_args_is_help=True, help="Act as a device.")
pack = typer.Typer(no_args_is_help=True, help="Sign and publish single packs.")
quarantine = typer.Typer(no_args_is_help=True, help="Packs that the oracle refused.")
evidence = typer.Typer(no_args_is_help=True, help="What an outsider checks.")
endorser = typer.Typer(no_args_is_help=True, help="Endorsers of the embedded ledger.")
network = typer.Typer(no_args_is_help=True, help="Real ledgers on this machine: Hyperledger Fabric and BFT validators.")
keys = typer.Typer(no_args_is_help=True, help="API keys of the organisations of a home.")
engines = typer.Typer(no_args_is_help=True, help="The commands of the real ledgers.")
for name, group in {
    "device": device,
    "pack": pack,
    "quarantine": quarantine,
    "evidence": evidence,
    "endorser": endorser,
    "network": network,
    "engines": engines,
    "keys": keys,
}.items():
    app.add_typer(group, name=name)

Home = Annotated[Path, typer.Option("--home", envvar="WUXIN_HOME", help="The installation's folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def demo(
    home: Home = HOME_DEFAULT,
    as_json: AsJson = False,
    consortium: Annotated[
        bool, typer.Option("--consortium", help="On Fabric and a BFT chain; each organisation in its own processes.")
    ] = False,
    engine: Annotated[
        list[Engine] | None, typer.Option(help="Only this ledger is real: fabric, evm; the other one is embedded.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Let everything run on until it is interrupted.")] = False,
) -> None:
    """Close the loop once on recorded data: from a signed reading to a refused draw."""
    from node.demo.demo import run

    engines = list(Engine) if consortium else engine or []
    run(home, as_json=as_json, engines=[each.value for each in engines], keep=keep)


@app.command()
def serve(
    home: Home = HOME_DEFAULT,
    port: Annotated[int, typer.Option(help="Port of the API; 0 picks a free one.")] = 8080,
    dev_rpc: Annotated[bool, typer.Option(help="Also serve the embedded chain's JSON-RPC on loopback.")] = False,
    pace: Annotated[int, typer.Option(help="How much quicker a consortium runs that is founded now.")] = 1,
) -> None:
    """Run the broker, the oracle members and the node of a home; without one, make the demo consortium first."""
    from node.cli.serve import run

    run(home, port=port, dev_rpc=dev_rpc, pace=pace)


@device.command("replay")
def device_replay(
    series: Annotated[Path, typer.Argument(help="A CSV file.")],
    mapping: Annotated[Path, typer.Option(help="Which columns become which readings.")],
    device_id: Annotated[
        str | None,
        typer.Option("--device", help="Whose key signs; else the mapping's `device`, or the home's only one."),
    ] = None,
    home: Home = HOME_DEFAULT,
    speed: Annotated[str, typer.Option(help="Series seconds per clock second, or max.")] = "1",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be signed; sign nothing.")] = False,
) -> None:
    """Sign any series as a device and publish it; the first row is moved to now."""
    from node.cli.replay import print_outcome, replay_series, show_plan

    if dry_run:
        print_outcome(show_plan(home, series, mapping, device_id, speed))
        return
    outcome, status = replay_series(home, series, mapping, device_id, speed)
    print_outcome(outcome)
    raise typer.Exit(status)


@device.command("new")
def device_new(
    device_id: Annotated[str, typer.Argument(metavar="ID", help="The device's name in the consortium.")],
    suite: Annotated[str, typer.Option(help="sm2-sm3, es256 or eddsa.")] = "sm2-sm3",
    home: Home = HOME_DEFAULT,
) -> None:
    """Make the key of a simulated device, and print what its enrolment needs."""
    from node.cli.own_device import new

    print(json.dumps(new(home, device_id, suite)))


@device.command("send")
def device_send(
    device_id: Annotated[str, typer.Argument(metavar="ID", help="A device whose key this home has.")],
    readings: Annotated[list[str], typer.Argument(metavar="NAME=VALUE", help="Readings, in the profile's units.")],
    home: Home = HOME_DEFAULT,
) -> None:
    """Sign readings of this moment as a device, and publish them."""
    from node.cli.own_device import send

    print(json.dumps(send(home, device_id, readings)))


@pack.command("sign")
def pack_sign(
    readings: Annotated[Path, typer.Argument(help='JSON: [{"name", "value" as text, "unit", "time_ms"}].')],
    device_id: Annotated[str, typer.Option("--device")],
    boot: Annotated[int, typer.Option(help="Start count of the device.")],
    seq: Annotated[int, typer.Option(help="Number of the pack within its boot.")],
    out: Annotated[Path, typer.Option(help="Where the COSE_Sign1 goes.")],
    home: Home = HOME_DEFAULT,
) -> None:
    """Sign one pack with a device key of this home."""
    from node.cli.device import sign

    out.write_bytes(sign(home, readings, device_id, boot, seq))


@pack.command("publish")
def pack_publish(
    envelope: Annotated[Path, typer.Argument(help="A file with one COSE_Sign1.")],
    device_id: Annotated[str, typer.Option("--device", help="Whose topic it goes to.")],
    home: Home = HOME_DEFAULT,
) -> None:
    """Publish the bytes of a file as a device's pack, whatever they are."""
    from node.cli.device import publish

    publish(home, envelope, device_id)


@quarantine.command("ls")
def quarantine_ls(
    home: Home = HOME_DEFAULT,
    org: Annotated[str | None, typer.Option(help="Only this member's.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the packs that the oracle members of this home refused, each with its reason."""
    from node.cli.device import quarantined

    for row in quarantined(home, org):
        print(json.dumps(row) if as_json else "  ".join(printable(str(value)) for value in row.values()))


@evidence.command("get")
def evidence_get(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="An attestation digest or a transaction id.")],
    out: Annotated[Path, typer.Option(help="Where the bundle goes.")],
    home: Home = HOME_DEFAULT,
    org: Annotated[str, typer.Option(help="Ask as this organisation.")] = "regulator",
) -> None:
    """Fetch a bundle from the running node."""
    from node.machine.homes import client

    with client(home, org) as node:
        out.write_bytes(node.get_evidence(identifier))


def _operations(incomplete: str) -> list[tuple[str, str]]:
    from node.cli.call import names_beginning

    return names_beginning(incomplete)


def _fields(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    from node.cli.call import fields_beginning

    return fields_beginning(ctx, incomplete)


@app.command()
def call(
    command: Annotated[
        str,
        typer.Argument(metavar="COMMAND", help="A command or a read, as the API names it.", autocompletion=_operations),
    ],
    stated: Annotated[str | None, typer.Option("--json", help="A file with its fields as JSON; - reads them.")] = None,
    field: Annotated[
        list[str] | None, typer.Option(help="name=value, over what the file says.", autocompletion=_fields)
    ] = None,
    org: Annotated[str | None, typer.Option(help="Call as this organisation; not needed where only one may.")] = None,
    wait: Annotated[int, typer.Option(help="Seconds to wait until a command is final; 60 at most.")] = 0,
    key: Annotated[str | None, typer.Option(help="The Idempotency-Key; a fresh one if not given.")] = None,
    home: Home = HOME_DEFAULT,
) -> None:
    """Call the running node: any command, any list, any read. Prints the answer as JSON."""
    from node.cli.call import run

    answer = run(home, command, org, stated, field or [], wait, key)
    if isinstance(answer, bytes):
        sys.stdout.buffer.write(answer)
    else:
        print(answer)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A bundle.")],
    trust: Annotated[Path | None, typer.Option(help="Your trust file; it never comes with the bundle.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check a bundle offline. Exit status: 0 valid, 1 invalid, 2 incomplete or no trust file, 3 unreadable."""
    from node.cli.verify import run

    raise typer.Exit(run(file, trust, as_json=as_json))


@app.command()
def rebuild(
    home: Home = HOME_DEFAULT,
    check: Annotated[bool, typer.Option(help="Build beside the read model and compare; change nothing.")] = False,
) -> None:
    """Build the read model again from both ledgers' files."""
    from node.projection.rebuild import rebuild as run

    report = run(home, check=check)
    print(json.dumps(report.as_dict()))
    if not report.equal:
        raise typer.Exit(REFUSED)


@app.command()
def audit(home: Home, trust: Annotated[Path, typer.Option(help="Your trust file.")], as_json: AsJson = False) -> None:
    """Replay both ledgers from a copy of their files, without the node."""
    from node.cli.audit import run

    raise typer.Exit(run(home, trust, as_json=as_json))


@endorser.command("stop")
def endorser_stop(org: str, home: Home = HOME_DEFAULT) -> None:
    """Let an organisation's endorser of the embedded ledger answer no more."""
    from network.membership.endorsers import stop_endorser

    stop_endorser(home, org)


@endorser.command("start")
def endorser_start(org: str, home: Home = HOME_DEFAULT) -> None:
    """Let it answer again."""
    from network.membership.endorsers import start_endorser

    start_endorser(home, org)


@network.command("up")
def network_up(
    engine: Annotated[
        list[Engine] | None,
        typer.Option(help="fabric or evm; repeat for both. Without it those of the home, both of a new one."),
    ] = None,
    home: Home = HOME_DEFAULT,
) -> None:
    """Bring up real ledgers for a home and make their first transactions; again, it starts what does not run."""
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
    org: Annotated[str, typer.Option(help="Whose client the profile is for.")],
    out: Annotated[Path, typer.Option(help="Where the profile goes; the client's key goes beside it.")],
    format: Annotated[ProfileFormat, typer.Option(help="For which client: hfc is fabric-sdk-py.")] = ProfileFormat.HFC,
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
        list[str], typer.Option(help="ORG=PUBLIC_KEY@HOST, one for each validator; the key in 128 hexadecimal digits.")
    ],
    out: Annotated[Path, typer.Option(help="The folder that the configuration goes to.")],
    chain: Annotated[str, typer.Option(help="The circle's chain.")] = "e1",
    home: Home = HOME_DEFAULT,
) -> None:
    """Write the configuration of Hyperledger Besu with QBFT for a circle's chain."""
    from node.machine.network import write_besu

    for file in write_besu(home, chain, node, out):
        print(file)


@keys.command("issue")
def keys_issue(
    org: Annotated[list[str] | None, typer.Option(help="Only for this organisation; repeat for more.")] = None,
    home: Home = HOME_DEFAULT,
) -> None:
    """Issue new API keys; those before stop working. Oracle members of this home that run are started again."""
    from node.machine.api_keys import issue

    for row in issue(home, org or ()):
        print(json.dumps(row))


@engines.command("build")
def engines_build() -> None:
    """Build the commands of Fabric and the validator from their Go modules, where they are not there already."""
    from node.machine.engines import build_engines

    for line in build_engines():
        print(line, flush=True)


@app.command()
def doctor(home: Home = HOME_DEFAULT, as_json: AsJson = False) -> None:
    """Look at an installation and say what is wrong with it and who can mend it."""
    from node.cli.doctor import run

    raise typer.Exit(run(home, as_json=as_json))


def main() -> None:
    """Runs the command; a named error becomes one line on standard error and an exit status."""
    tell_errors(app)


def tell_errors(program: Callable[[], object]) -> None:
    """The border of a program: a named error is told, and what to do; any other keeps its trace."""
    try:
        program()
    except Exception as error:  # it ends here, one way or the other
        named = _named(error)
        if named is None or os.environ.get("WUXIN_TRACE"):
            raise
        code, detail, hint = named
        print(printable(f"{code}: {detail}") + (f"\n  {printable(hint)}" if hint else ""), file=sys.stderr)
        sys.exit(_exit_status(error, code))


def _named(error: Exception) -> tuple[str, str, str] | None:
    """(code, detail, hint) of an error that has a name."""
    if isinstance(error, FileNotFoundError) and Path(str(error.filename)).name == CONSORTIUM_FILE:
        home = Path(str(error.filename)).parent
        hint = f"make a home first: wuxin serve --home {home}; or name another with --home"
        return "not_found", f"{home} has no {CONSORTIUM_FILE}", hint
    return (error.code, error.detail, error.hint) if isinstance(error, NamedError) else None


def _exit_status(error: Exception, code: str) -> int:
    from wuxin_evidence.errors import EvidenceError

    if isinstance(error, EvidenceError) and code == "malformed":
        return UNREADABLE
    return UNAVAILABLE if code == "unavailable" else REFUSED


if __name__ == "__main__":
    main()
