"""The obligations chain run natively: one validator of cosmos/evm per organisation that the circle names.

    up      keys and ports that are missing ─▶ genesis ─▶ configuration ─▶ supervised processes ─▶ the first blocks
    status  each validator: running, height, peers
    down    ends the processes; keys, ports and blocks stay, and `up` goes on from there

Each organisation's validator lives in its own home, `<home>/evm/<organisation>/`, with its own keys; what all must know
of each other (ports, node names, consensus keys) is in network.json. Four validators bear one that is away or lies: a
block needs more than two thirds of them. With two away the chain stands still, loses nothing, and goes on by itself.

Everything listens on loopback. The accounts that may send are those of the circle's members, and nobody else's.
"""

from __future__ import annotations

import datetime
import json
import random
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from network import supervisor
from network.connections import ChainConnection
from network.consortium import Circle, Consortium
from network.evm.genesis import GenesisValidator, genesis
from network.evm.validator_files import LOOPBACK, Ports, ValidatorKeys, make_keys, render
from network.homes import home_of
from network.ports import Unavailable
from network.published import public_keys
from network.supervisor import Program
from network.tools import command

NETWORK_FILE = "network.json"
SECTION = "evm"

CHAIN_ID = 262_144
"""Compiled into the engine."""

PORTS = range(20_000, 32_000)
"""Below what the kernel gives to outgoing connections: a port that is kept must not be somebody's by chance."""

FIRST_BLOCK_WAIT_S = 60.0
TEMPLATE_TIMEOUT_S = 60.0
ASK_TIMEOUT_S = 2.0
BEGIN_AHEAD_S = 0


@dataclass(frozen=True)
class Validator:
    """An organisation's validator as the others know it."""

    organisation: str
    ports: Ports
    keys: ValidatorKeys

    @property
    def program(self) -> str:
        return f"evm-{self.organisation}"

    @property
    def endpoint(self) -> str:
        return f"http://{LOOPBACK}:{self.ports.json_rpc}"

    @property
    def consensus(self) -> str:
        return f"http://{LOOPBACK}:{self.ports.consensus}"


@dataclass(frozen=True)
class ValidatorStatus:
    """What one validator says; `height` and `peers` are None when it does not answer."""

    organisation: str
    running: bool
    restarts: int
    height: int | None
    peers: int | None


def up(home: Path, consortium: Consortium, *, chain: str = "e1") -> ChainConnection:
    """Make what lacks, start all validators, wait until they agree on blocks.

    Raises Unavailable (another chain id, no validators, no block in time), ToolError, KeystoreError, SupervisorError.
    """
    circle = consortium.circle(chain)
    _require_runnable(circle)
    chain_name = consensus_id(consortium, chain)
    validators = _prepared(home, circle)
    first = _genesis(home, consortium, circle, chain_name, validators)
    evmd = command("evmd")
    programs: list[Program] = []
    for each in validators.values():
        others = [_peer(other) for other in validators.values() if other is not each]
        directory = directory_of(home, each.organisation)
        render(directory, each.organisation, each.ports, others, first)
        programs.append(
            Program(
                each.program,
                (str(evmd), "start", "--home", str(directory), "--chain-id", chain_name),
                {},
                directory,
                directory / "log.txt",
                stop_signal="SIGKILL",
            )
        )
    supervisor.start(home, programs)
    _await_blocks(home, list(validators.values()))
    return connection(home)


def down(home: Path) -> None:
    """End the validators. The engine ignores SIGTERM; it is made to be killed and recovers. Raises SupervisorError."""
    supervisor.stop(home, [each.program for each in known(home).values()])


def status(home: Path) -> list[ValidatorStatus]:
    """Every validator that `up` made, in the circle's order."""
    states = supervisor.states(home)
    found: list[ValidatorStatus] = []
    for each in known(home).values():
        state = states.get(each.program)
        height, peers = _height(each), _peers(each)
        running = state is not None and state.running
        found.append(ValidatorStatus(each.organisation, running, state.restarts if state else 0, height, peers))
    return found


def connection(home: Path) -> ChainConnection:
    """How the chain that `up` made is reached, the same for every member."""
    validators = known(home).values()
    return ChainConnection(
        engine="cometbft",
        endpoints=tuple(each.endpoint for each in validators),
        headers=tuple(each.consensus for each in validators),
        finality_depth=0,
    )


def consensus_id(consortium: Consortium, chain: str) -> str:
    """The chain's name in every vote: no vote of another consortium can be shown for it. CometBFT takes 50 letters."""
    return f"wuxin-{chain}-{consortium.consortium_id.hex()[:16]}"


def known(home: Path) -> dict[str, Validator]:
    """The validators by organisation, as network.json has them; none before `up`."""
    rows: Mapping[str, Any] = _network_file(home).get(SECTION, {})
    return {
        organisation: Validator(
            organisation,
            Ports(**row["ports"]),
            ValidatorKeys(bytes.fromhex(row["consensus_key"]), row["node_id"]),
        )
        for organisation, row in rows.items()
    }


def directory_of(home: Path, organisation: str) -> Path:
    return home_of(home, organisation) / "evm" / organisation


def _require_runnable(circle: Circle) -> None:
    if circle.chain_id != CHAIN_ID:
        raise Unavailable(
            f"the chain id of {circle.chain} is {circle.chain_id}; this engine has {CHAIN_ID} compiled in",
            f"set chain_id = {CHAIN_ID} in the consortium file before the consortium is founded",
        )
    if not circle.validators:
        raise Unavailable(f"the circle of {circle.chain} names no validators", "name them in the consortium file")


def _prepared(home: Path, circle: Circle) -> dict[str, Validator]:
    """Keys and ports of every validator, kept from now on."""
    validators = known(home)
    for organisation in circle.validators:
        keys = make_keys(directory_of(home, organisation))
        ports = validators[organisation].ports if organisation in validators else _free_ports()
        validators[organisation] = Validator(organisation, ports, keys)
    rows = {
        each.organisation: {
            "ports": asdict(each.ports),
            "consensus_key": each.keys.consensus_key.hex(),
            "node_id": each.keys.node_id,
        }
        for each in validators.values()
    }
    document = _network_file(home)
    if document.get(SECTION) != rows:
        path = home / NETWORK_FILE
        beside = path.with_suffix(".partial")
        beside.write_text(json.dumps({**document, SECTION: rows}, indent=1) + "\n", "utf-8")
        beside.replace(path)
    return validators


def _genesis(
    home: Path, consortium: Consortium, circle: Circle, chain: str, validators: Mapping[str, Validator]
) -> dict[str, Any]:
    """The genesis document that a validator has already, else a new one."""
    for organisation in validators:
        path = directory_of(home, organisation) / "config" / "genesis.json"
        if path.exists():
            return json.loads(path.read_text("utf-8"))
    begins = datetime.datetime.now(datetime.UTC).isoformat().replace("+00:00", "Z")
    return genesis(
        _template(chain),
        chain,
        begins,
        [
            GenesisValidator(each.organisation, public_keys(home, each.organisation).evm_address, each.keys.consensus_key)
            for each in validators.values()
        ],
        [public_keys(home, member).evm_address for member in circle.members],
    )


def _template(chain: str) -> dict[str, Any]:
    """What the engine itself takes for a genesis document, with its defaults."""
    with tempfile.TemporaryDirectory() as place:
        done = subprocess.run(
            [command("evmd"), "init", "template", "--chain-id", chain, "--home", place],
            capture_output=True,
            text=True,
            timeout=TEMPLATE_TIMEOUT_S,
        )
        if done.returncode:
            raise Unavailable(f"evmd init: {done.stderr.strip()[-300:]}", "see whether evmd is of cosmos/evm 0.3")
        return json.loads((Path(place) / "config" / "genesis.json").read_text("utf-8"))


def _await_blocks(home: Path, validators: list[Validator]) -> None:
    """Until every validator has the second block: then it is one chain."""
    deadline = time.monotonic() + FIRST_BLOCK_WAIT_S
    while True:
        waiting = [each for each in validators if (_height(each) or 0) < 2]
        if not waiting:
            return
        if time.monotonic() > deadline:
            named = waiting[0].organisation
            raise Unavailable(
                f"the validators of {', '.join(each.organisation for each in waiting)} have no blocks",
                f"see {directory_of(home, named) / 'log.txt'}",
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


def _peer(validator: Validator) -> str:
    return f"{validator.keys.node_id}@{LOOPBACK}:{validator.ports.peers}"


def _free_ports() -> Ports:
    return Ports(*(_free_port() for _ in range(4)))


def _free_port() -> int:
    while True:
        port = random.choice(PORTS)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as attempt:
            try:
                attempt.bind((LOOPBACK, port))
            except OSError:
                continue
        return port


def _network_file(home: Path) -> dict[str, Any]:
    try:
        return json.loads((home / NETWORK_FILE).read_text("utf-8"))
    except FileNotFoundError:
        return {}
