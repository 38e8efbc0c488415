"""Where a home's ledgers are: the file that says which engines its node talks to.

`connections.json` lies beside the consortium file and belongs to the installation, not to the consortium: two members
may reach the same channel through different peers. What it does not name is embedded:

    {"facts": {"peers": [{"organisation", "msp_id", "address", "tls_root"}, …], "orderers": [{…}, …]},
     "obligations": {"e1": {"engine": "cometbft", "endpoints": ["http://…"], "headers": ["http://…"],
                            "finality_depth": 0}}}

The home's own organisation's peer stands first: it is the gateway; the others take over when it is away. `headers` are
the consensus RPC of a CometBFT chain, where its validators' commits are found. Certificates are PEM text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, cast, get_args

from wuxin_evidence.errors import NamedError

CONNECTIONS_FILE = "connections.json"

Engine = Literal["cometbft", "qbft", "generic"]
"""How an obligations chain agrees, and so what proves its blocks: a CometBFT commit, QBFT seals, or nothing."""


class ConnectionsError(NamedError):
    """The file cannot be used; nothing was opened."""

    def __init__(self, detail: str) -> None:
        hint = f"correct {CONNECTIONS_FILE}, or have `wuxin network up` write it again"
        super().__init__("malformed", f"{CONNECTIONS_FILE}: {detail}", hint)


@dataclass(frozen=True)
class FabricNode:
    """A peer or an orderer: whose it is, `host:port`, and the TLS root (PEM text) that its certificate leads to."""

    organisation: str
    msp_id: str
    address: str
    tls_root: str = field(repr=False)


@dataclass(frozen=True)
class FactsConnection:
    """The peers that may serve as gateway, the first before the others, and the orderers."""

    peers: tuple[FabricNode, ...]
    orderers: tuple[FabricNode, ...] = ()


@dataclass(frozen=True)
class ChainConnection:
    """The JSON-RPC endpoints of one obligations chain, the first before the others.

    A block is final `finality_depth` blocks after it was sealed: 0 where the engine decides each block for good.
    """

    engine: Engine
    endpoints: tuple[str, ...]
    headers: tuple[str, ...] = ()
    finality_depth: int = 0


@dataclass(frozen=True)
class Connections:
    """What is not embedded: None, and chains that are not named, are."""

    facts: FactsConnection | None = None
    obligations: Mapping[str, ChainConnection] = field(default_factory=dict[str, ChainConnection])

    @property
    def embedded(self) -> bool:
        """Whether nothing here leaves the machine's own files."""
        return self.facts is None and not self.obligations

    def save(self, home: Path) -> None:
        """Write the file whole, by renaming."""
        path = home / CONNECTIONS_FILE
        beside = path.with_suffix(".partial")
        beside.write_text(json.dumps(_plain(self), indent=1) + "\n", "utf-8")
        beside.replace(path)

    @classmethod
    def load(cls, home: Path) -> Connections:
        """The home's connections; all embedded where there is no file. Raises ConnectionsError."""
        try:
            document: object = json.loads((home / CONNECTIONS_FILE).read_text("utf-8"))
        except FileNotFoundError:
            return cls()
        except ValueError as wrong:
            raise ConnectionsError(f"not JSON: {wrong}") from wrong
        return _connections(document)


def _plain(connections: Connections) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if connections.facts is not None:
        found["facts"] = asdict(connections.facts)
    if connections.obligations:
        found["obligations"] = {name: asdict(chain) for name, chain in connections.obligations.items()}
    return found


def _connections(value: object) -> Connections:
    top = _object(value, "the file", required=(), optional=("facts", "obligations"))
    chains = _any_object(top.get("obligations", {}), "obligations")
    return Connections(
        facts=_facts(top["facts"]) if "facts" in top else None,
        obligations={name: _chain(name, chain) for name, chain in chains.items()},
    )


def _facts(value: object) -> FactsConnection:
    fields = _object(value, "facts", required=("peers",), optional=("orderers",))
    peers = tuple(_node(each) for each in _list(fields["peers"], "facts.peers"))
    if not peers:
        raise ConnectionsError("facts.peers names no peer")
    return FactsConnection(peers, tuple(_node(each) for each in _list(fields.get("orderers", []), "facts.orderers")))


def _node(value: object) -> FabricNode:
    names = ("organisation", "msp_id", "address", "tls_root")
    fields = _object(value, "a node of the facts", required=names)
    return FabricNode(*(_text(fields[name], name) for name in names))


def _chain(name: str, value: object) -> ChainConnection:
    fields = _object(value, name, required=("engine", "endpoints"), optional=("headers", "finality_depth"))
    if fields["engine"] not in get_args(Engine):
        raise ConnectionsError(f"{name}.engine must be one of {', '.join(get_args(Engine))}")
    endpoints, headers = (
        tuple(_text(each, f"{name}.{key}") for each in _list(fields.get(key, []), f"{name}.{key}"))
        for key in ("endpoints", "headers")
    )
    if not endpoints:
        raise ConnectionsError(f"{name}.endpoints names no endpoint")
    depth = fields.get("finality_depth", 0)
    if type(depth) is not int or not 0 <= depth <= 1_000:
        raise ConnectionsError(f"{name}.finality_depth must be 0 to 1000")
    return ChainConnection(cast(Engine, fields["engine"]), endpoints, headers, depth)


def _object(value: object, place: str, *, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    fields = _any_object(value, place)
    missing = [name for name in required if name not in fields]
    unknown = sorted(set(fields) - {*required, *optional})
    if missing or unknown:
        raise ConnectionsError(f"{place} lacks {missing[0]}" if missing else f"{place} has an unknown {unknown[0]}")
    return fields


def _any_object(value: object, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConnectionsError(f"{place} must be an object")
    return cast("dict[str, Any]", value)


def _list(value: object, place: str) -> list[object]:
    if not isinstance(value, list):
        raise ConnectionsError(f"{place} must be a list")
    return cast("list[object]", value)


def _text(value: object, place: str) -> str:
    if not isinstance(value, str) or not value:
        raise ConnectionsError(f"{place} must be a text")
    return value
