"""The obligations chain run natively: one validator of cosmos/evm per organisation that the circle names.

    up      keys and ports that are missing ─▶ genesis ─▶ configuration ─▶ supervised processes ─▶ the first blocks
    status  each validator: running, height, peers
    down    ends the processes; keys, ports and blocks stay, and `up` goes on from there

Each organisation's validator lives in its own home, `<home>/evm/<organisation>/`, with its own keys; the ports are in
network.json, the consensus keys go into the trust file. Four validators bear one that is away or lies: a block needs
more than two thirds of them. With two away the chain stands still, loses nothing, and goes on by itself.

Everything listens on loopback. The accounts that may send are those of the circle's members, and nobody else's.
"""

from __future__ import annotations

import datetime
import json
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

from network.bringup import supervisor
from network.bringup.cosmos.files import CHAIN_ID, Ports, ValidatorKeys, make_keys, render
from network.bringup.cosmos.genesis import POWER, GenesisValidator, genesis
from network.bringup.listeners import address, listeners
from network.bringup.supervisor import Program
from network.bringup.tools import command
from network.membership.connections import ChainConnection
from network.membership.consortium import Circle, Consortium
from network.membership.homes import home_of
from network.membership.published import public_keys
from network.membership.trust_file import set_validators
from network.ports import Unavailable
from wuxin_evidence.bundle.trust import TrustedValidator

GENESIS = Path("config") / "genesis.json"

FIRST_BLOCK_WAIT_S = 60.0
TEMPLATE_TIMEOUT_S = 60.0
ASK_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class Validator:
    """An organisation's validator as the others know it."""

    organisation: str
    directory: Path
    ports: Ports
    keys: ValidatorKeys

    @property
    def peer(self) -> str:
        """How the others dial it."""
        return f"{self.keys.node_id}@{address(self.ports.peers)}"

    @property
    def endpoint(self) -> str:
        """The URL of the validator's JSON-RPC."""
        return f"http://{address(self.ports.json_rpc)}"

    @property
    def consensus(self) -> str:
        """The URL of the validator's consensus RPC."""
        return f"http://{address(self.ports.consensus)}"


@dataclass(frozen=True)
class ValidatorStatus:
    """What one validator says; `height` and `peers` are None when it does not answer."""

    organisation: str
    running: bool
    restarts: int
    height: int | None
    peers: int | None


def up(home: Path, consortium: Consortium, *, chain: str = "e1") -> ChainConnection:
    """Make what lacks, start all validators, wait until they agree on blocks; name them in the trust file.

    Raises Unavailable (another chain or chain id, no validators, no block in time), ToolError, KeystoreError,
    SupervisorError, NoPort.
    """
    _require_runnable(consortium.circle(chain))
    validators = places(home, consortium, chain)
    consensus = consensus_id(consortium, chain)
    first = _genesis(home, consortium, chain, validators)
    for each in validators:
        others = [other.peer for other in validators if other is not each]
        render(each.directory, each.organisation, each.ports, others, first)
    supervisor.start(home, [_program(each, consensus) for each in validators])
    _await_blocks(validators)
    trusted = [TrustedValidator(each.keys.consensus_key, POWER) for each in validators]
    set_validators(home, chain, consensus, trusted)
    return connection(validators)


def down(home: Path, *, chain: str = "e1") -> None:
    """End the validators. The engine ignores SIGTERM; it is made to be killed and recovers. Raises SupervisorError."""
    supervisor.stop(home, [_program_name(each) for each in Consortium.load(home).circle(chain).validators])


def status(home: Path, *, chain: str = "e1") -> list[ValidatorStatus]:
    """Every validator of the circle, in its order; none before `up`."""
    consortium, states = Consortium.load(home), supervisor.states(home)
    if not all((directory_of(home, org) / GENESIS).exists() for org in consortium.circle(chain).validators):
        return []
    found: list[ValidatorStatus] = []
    for each in places(home, consortium, chain):
        state = states.get(_program_name(each.organisation))
        running = state is not None and state.running
        restarts = 0 if state is None else state.restarts
        found.append(ValidatorStatus(each.organisation, running, restarts, _height(each), _peers(each)))
    return found


def newest_block(looks: Sequence[ValidatorStatus]) -> int | None:
    """The highest block that any of them shows; None where none answers."""
    return max((each.height for each in looks if each.height is not None), default=None)


def connection(validators: Sequence[Validator]) -> ChainConnection:
    """How the chain is reached; the order is the circle's, so that a member can put its own validator first."""
    return ChainConnection(
        engine="cometbft",
        endpoints=tuple(each.endpoint for each in validators),
        headers=tuple(each.consensus for each in validators),
        finality_depth=0,
    )


def consensus_id(consortium: Consortium, chain: str) -> str:
    """The chain's name in every vote: no vote of another consortium can be shown for it. CometBFT takes 50 letters."""
    return f"wuxin-{chain}-{consortium.consortium_id.hex()[:16]}"


def directory_of(home: Path, organisation: str) -> Path:
    """Give the directory of an organisation's validator."""
    return home_of(home.resolve(), organisation) / "evm" / organisation


def _require_runnable(circle: Circle) -> None:
    if circle.chain_id != CHAIN_ID:
        raise Unavailable(
            f"the chain id of {circle.chain} is {circle.chain_id}; this engine has {CHAIN_ID} compiled in",
            f"set chain_id = {CHAIN_ID} in the consortium file before the consortium is founded",
        )
    if not circle.validators:
        raise Unavailable(f"the circle of {circle.chain} names no validators", "name them in the consortium file")


def places(home: Path, consortium: Consortium, chain: str = "e1") -> tuple[Validator, ...]:
    """The circle's validators in its order; keys and ports that are missing are made, and kept from then on.

    Raises KeystoreError, NoPort.
    """
    found: list[Validator] = []
    for organisation in consortium.circle(chain).validators:
        names = {field.name: f"{organisation}/evm/{field.name}" for field in fields(Ports)}
        ports = listeners(home, names.values())
        found.append(
            Validator(
                organisation,
                directory_of(home, organisation),
                Ports(**{field: ports[name] for field, name in names.items()}),
                make_keys(directory_of(home, organisation)),
            )
        )
    return tuple(found)


def _program_name(organisation: str) -> str:
    return f"evm.{organisation}"


def _program(validator: Validator, consensus: str) -> Program:
    arguments = ("start", "--home", str(validator.directory), "--chain-id", consensus)
    return Program(
        _program_name(validator.organisation),
        (str(command("evmd")), *arguments),
        {},
        validator.directory,
        validator.directory / "log.txt",
        stop_signal="SIGKILL",
        address=address(validator.ports.json_rpc),
    )


def _genesis(home: Path, consortium: Consortium, chain: str, validators: Sequence[Validator]) -> dict[str, Any]:
    """The genesis document that a validator has already, else a new one. Raises Unavailable for another chain's."""
    consensus = consensus_id(consortium, chain)
    for path in (each.directory / GENESIS for each in validators):
        if path.exists():
            standing = json.loads(path.read_text("utf-8"))
            if standing["chain_id"] != consensus:
                raise Unavailable(
                    f"{path} is of chain {standing['chain_id']}, not {consensus}",
                    "a home has validators of one chain: use another home for the other circle",
                )
            return standing
    accounts = {each.name: public_keys(home, each.name).evm_address for each in consortium.organisations}
    return genesis(
        _template(consensus),
        consensus,
        datetime.datetime.now(datetime.UTC).isoformat().replace("+00:00", "Z"),
        [
            GenesisValidator(each.organisation, accounts[each.organisation], each.keys.consensus_key)
            for each in validators
        ],
        [accounts[member] for member in consortium.circle(chain).members],
    )


def _template(chain: str) -> dict[str, Any]:
    """What the engine itself takes for a genesis document, with its defaults."""
    with tempfile.TemporaryDirectory() as place:
        done = subprocess.run(
            [command("evmd"), "init", "template", "--chain-id", chain, "--home", place],
            check=False,
            capture_output=True,
            text=True,
            timeout=TEMPLATE_TIMEOUT_S,
        )
        if done.returncode:
            raise Unavailable(f"evmd init: {done.stderr.strip()[-300:]}", "see whether evmd is of cosmos/evm 0.3")
        return json.loads((Path(place) / GENESIS).read_text("utf-8"))


def _await_blocks(validators: Sequence[Validator]) -> None:
    """Until every validator has the second block: then it is one chain."""
    deadline = time.monotonic() + FIRST_BLOCK_WAIT_S
    while waiting := [each for each in validators if (_height(each) or 0) < 2]:
        if time.monotonic() > deadline:
            raise Unavailable(
                f"the validators of {', '.join(each.organisation for each in waiting)} have no blocks",
                f"see {waiting[0].directory / 'log.txt'}",
            )
        time.sleep(0.1)


def _height(validator: Validator) -> int | None:
    """The newest block that its JSON-RPC answers for."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}).encode()
    request = urllib.request.Request(validator.endpoint, body, {"Content-Type": "application/json"})
    answer = _asked(request)
    return None if answer is None else int(str(answer), 16)


def _peers(validator: Validator) -> int | None:
    answer = _asked(urllib.request.Request(f"{validator.consensus}/net_info"))
    return None if answer is None else int(cast("dict[str, Any]", answer)["n_peers"])


def _asked(request: urllib.request.Request) -> Any:
    """The `result` of an answer; None where there is none."""
    try:
        with urllib.request.urlopen(request, timeout=ASK_TIMEOUT_S) as answer:
            return json.load(answer).get("result")
    except (OSError, ValueError, urllib.error.URLError):
        return None
