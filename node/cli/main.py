"""The command `wuxin`. Each command imports what it needs when it runs, so that `wuxin verify` never loads a ledger.

What its exit status says stands in `node.cli.exit_status`.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from node.cli.exit_status import REFUSED, UNAVAILABLE, UNREADABLE
from node.cli.network_group import engines, network
from node.cli.parameters import (
    AS_ORG,
    HOME_DEFAULT,
    AsJson,
    Endorser,
    Engine,
    Home,
    complete_fields,
    complete_operations,
    complete_organisations,
)
from wuxin_evidence.errors import NamedError
from wuxin_evidence.printable import printable

CONSORTIUM_FILE = "consortium.toml"

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
keys = typer.Typer(no_args_is_help=True, help="API keys of the organisations of a home.")
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


@app.command()
def demo(
    home: Home = HOME_DEFAULT,
    as_json: AsJson = False,
    consortium: Annotated[
        bool,
        typer.Option(
            "--consortium", metavar="", help="On Fabric and a BFT chain; each organisation in its own processes."
        ),
    ] = False,
    engine: Annotated[
        list[Engine] | None,
        typer.Option(metavar="ENGINE", help="Only this ledger is real: fabric, evm; the other one is embedded."),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", metavar="", help="Let everything run on until it is interrupted.")
    ] = False,
) -> None:
    """Close the loop once on recorded data: from a signed reading to a refused draw."""
    from node.demo.demo import run

    chosen = list(Engine) if consortium else engine or []
    run(home, as_json=as_json, engines=[each.value for each in chosen], keep=keep)


@app.command()
def serve(
    home: Home = HOME_DEFAULT,
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="PORT", help="Port of the API; 0 picks a free one.")
    ] = 8080,
    dev_rpc: Annotated[
        bool, typer.Option("--dev-rpc", metavar="", help="Also serve the embedded chain's JSON-RPC on loopback.")
    ] = False,
    pace: Annotated[
        int, typer.Option(metavar="PACE", help="How much quicker a consortium runs that is founded now: 1, 30 or 60.")
    ] = 1,
) -> None:
    """Run the broker, the oracle members and the node of a home; without one, make the demo consortium first."""
    from node.cli.serve import run

    run(home, port=port, dev_rpc=dev_rpc, pace=pace)


@device.command("replay")
def device_replay(
    series: Annotated[Path, typer.Argument(metavar="SERIES", help="A CSV file.")],
    mapping: Annotated[Path, typer.Option(metavar="FILE", help="Which columns become which readings.")],
    device_id: Annotated[
        str | None,
        typer.Option(
            "--device", metavar="ID", help="Whose key signs; else the mapping's `device`, or the home's only one."
        ),
    ] = None,
    home: Home = HOME_DEFAULT,
    speed: Annotated[str, typer.Option(metavar="SPEED", help="Series seconds per clock second, or max.")] = "1",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", metavar="", help="Show what would be signed; sign nothing.")
    ] = False,
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
    suite: Annotated[str, typer.Option(metavar="SUITE", help="sm2-sm3, es256 or eddsa.")] = "sm2-sm3",
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
    readings: Annotated[
        Path, typer.Argument(metavar="READINGS", help='JSON: [{"name", "value" as text, "unit", "time_ms"}].')
    ],
    device_id: Annotated[str, typer.Option("--device", metavar="ID", help="Whose key signs.")],
    boot: Annotated[int, typer.Option(metavar="COUNT", help="Start count of the device.")],
    seq: Annotated[int, typer.Option(metavar="NUMBER", help="Number of the pack within its boot.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the COSE_Sign1 goes.")],
    home: Home = HOME_DEFAULT,
) -> None:
    """Sign one pack with a device key of this home."""
    from node.cli.device import sign

    out.write_bytes(sign(home, readings, device_id, boot, seq))


@pack.command("publish")
def pack_publish(
    envelope: Annotated[Path, typer.Argument(metavar="ENVELOPE", help="A file with one COSE_Sign1.")],
    device_id: Annotated[str, typer.Option("--device", metavar="ID", help="Whose topic it goes to.")],
    home: Home = HOME_DEFAULT,
) -> None:
    """Publish the bytes of a file as a device's pack, whatever they are."""
    from node.cli.device import publish

    publish(home, envelope, device_id)


@quarantine.command("ls")
def quarantine_ls(
    home: Home = HOME_DEFAULT,
    org: Annotated[
        str | None, typer.Option(help="Only this member's.", metavar="ORG", autocompletion=complete_organisations)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the packs that the oracle members of this home refused, each with its reason."""
    from node.cli.device import quarantined

    for row in quarantined(home, org):
        print(json.dumps(row) if as_json else "  ".join(printable(str(value)) for value in row.values()))


@evidence.command("get")
def evidence_get(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="An attestation digest or a transaction id.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the bundle goes.")],
    home: Home = HOME_DEFAULT,
    org: Annotated[str | None, typer.Option(help=AS_ORG, metavar="ORG", autocompletion=complete_organisations)] = None,
) -> None:
    """Fetch a bundle from the running node."""
    from node.cli.call import run

    bundle = run(home, "get_evidence", org, None, [f"evidence_id={identifier}"], 0, None)
    assert isinstance(bundle, bytes)
    out.write_bytes(bundle)


@app.command()
def call(
    command: Annotated[
        str | None,
        typer.Argument(
            metavar="COMMAND", help="A command or a read, as the API names it.", autocompletion=complete_operations
        ),
    ] = None,
    stated: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="A file with its fields as JSON; - reads them.")
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A field, over what the file says.", autocompletion=complete_fields),
    ] = None,
    org: Annotated[str | None, typer.Option(help=AS_ORG, metavar="ORG", autocompletion=complete_organisations)] = None,
    wait: Annotated[
        int, typer.Option(metavar="SECONDS", help="How long to wait until a command is final; 60 at most.")
    ] = 0,
    key: Annotated[
        str | None, typer.Option(metavar="KEY", help="The Idempotency-Key; a fresh one if not given.")
    ] = None,
    home: Home = HOME_DEFAULT,
    is_list: Annotated[
        bool, typer.Option("--list", metavar="", help="Name every command and read; call nothing.")
    ] = False,
    is_fields: Annotated[
        bool, typer.Option("--fields", metavar="", help="Show the fields of COMMAND; call nothing.")
    ] = False,
) -> None:
    """Call the running node: any command, any list, any read. Prints the answer as JSON."""
    from node.cli import call

    if is_list:
        print(call.operation_list())
        return
    if command is None:
        raise typer.BadParameter("name one; `wuxin call --list` shows them", param_hint="COMMAND")
    if is_fields:
        print(call.field_list(command))
        return
    answer = call.run(home, command, org, stated, field or [], wait, key)
    if isinstance(answer, bytes):
        sys.stdout.buffer.write(answer)
    else:
        print(answer)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A bundle.")],
    trust: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Your trust file; it never comes with the bundle.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a bundle offline. Exit status: 0 valid, 1 invalid, 2 incomplete or no trust file, 3 unreadable."""
    from node.cli.verify import run

    raise typer.Exit(run(file, trust, as_json=as_json))


@app.command()
def rebuild(
    home: Home = HOME_DEFAULT,
    check: Annotated[
        bool, typer.Option("--check", metavar="", help="Build beside the read model and compare; change nothing.")
    ] = False,
) -> None:
    """Build the read model again from both ledgers' files."""
    from node.projection.rebuild import rebuild as run

    report = run(home, check=check)
    print(json.dumps(report.as_dict()))
    if not report.equal:
        raise typer.Exit(REFUSED)


@app.command()
def audit(
    home: Home, trust: Annotated[Path, typer.Option(metavar="FILE", help="Your trust file.")], as_json: AsJson = False
) -> None:
    """Replay both ledgers from a copy of their files, without the node."""
    from node.cli.audit import run

    raise typer.Exit(run(home, trust, as_json=as_json))


@endorser.command("stop")
def endorser_stop(org: Endorser, home: Home = HOME_DEFAULT) -> None:
    """Let an organisation's endorser of the embedded ledger answer no more."""
    from network.membership.endorsers import stop_endorser

    stop_endorser(home, org)


@endorser.command("start")
def endorser_start(org: Endorser, home: Home = HOME_DEFAULT) -> None:
    """Let an organisation's endorser answer again."""
    from network.membership.endorsers import start_endorser

    start_endorser(home, org)


@keys.command("issue")
def keys_issue(
    org: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORG", help="Only for this organisation; repeat for more.", autocompletion=complete_organisations
        ),
    ] = None,
    home: Home = HOME_DEFAULT,
) -> None:
    """Issue new API keys; those before stop working. Oracle members of this home that run are started again."""
    from node.machine.api_keys import issue

    for row in issue(home, org or ()):
        print(json.dumps(row))


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
        hint = f"make a home first: wuxin serve --home {home} (wait while it founds one); or name another with --home"
        return "not_found", f"{home} has no {CONSORTIUM_FILE}", hint
    return (error.code, error.detail, error.hint) if isinstance(error, NamedError) else None


def _exit_status(error: Exception, code: str) -> int:
    from wuxin_evidence.errors import EvidenceError

    if isinstance(error, EvidenceError) and code == "malformed":
        return UNREADABLE
    return UNAVAILABLE if code == "unavailable" else REFUSED


if __name__ == "__main__":
    main()
