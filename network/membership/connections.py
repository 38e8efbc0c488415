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
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from contracts.documents import STRICT, DocumentError, check, json_of
from wuxin_evidence.errors import NamedError

CONNECTIONS_FILE = "connections.json"
FINALITY_DEPTH_MAX = 1_000

Engine = Literal["cometbft", "qbft", "generic"]
"""How an obligations chain agrees, and so what proves its blocks: a CometBFT commit, QBFT seals, or nothing."""
Text = Annotated[str, Field(min_length=1)]
Address = Annotated[str, Field(pattern=r"^(\[[0-9a-fA-F:]+\]|[^\s:/]+):[0-9]{1,5}$")]
Url = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]


class ConnectionsError(NamedError):
    """The file cannot be used; nothing was opened."""

    def __init__(self, detail: str) -> None:
        hint = f"correct {CONNECTIONS_FILE}, or have `wuxin network up` write it again"
        super().__init__("malformed", f"{CONNECTIONS_FILE}: {detail}", hint)


@dataclass(frozen=True)
class FabricNode:
    """A peer or an orderer: whose it is, `host:port`, and the TLS root (PEM text) that its certificate leads to."""

    organisation: Text
    msp_id: Text
    address: Address
    tls_root: Text = field(repr=False)
    __pydantic_config__: ClassVar[ConfigDict] = STRICT


@dataclass(frozen=True)
class FactsConnection:
    """The peers that may serve as gateway, the first before the others, and the orderers."""

    peers: Annotated[tuple[FabricNode, ...], Field(min_length=1)]
    orderers: tuple[FabricNode, ...] = ()
    __pydantic_config__: ClassVar[ConfigDict] = STRICT


@dataclass(frozen=True)
class ChainConnection:
    """The JSON-RPC endpoints of one obligations chain, the first before the others.

    A block is final `finality_depth` blocks after it was sealed: 0 where the engine decides each block for good.
    """

    engine: Engine
    endpoints: Annotated[tuple[Url, ...], Field(min_length=1)]
    headers: tuple[Url, ...] = ()
    finality_depth: Annotated[int, Field(ge=0, le=FINALITY_DEPTH_MAX)] = 0
    __pydantic_config__: ClassVar[ConfigDict] = STRICT


@dataclass(frozen=True)
class Connections:
    """What is not embedded: None, and chains that are not named, are."""

    facts: FactsConnection | None = None
    obligations: Mapping[str, ChainConnection] = field(default_factory=dict[str, ChainConnection])
    __pydantic_config__: ClassVar[ConfigDict] = STRICT

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
            return check(cls, json_of((home / CONNECTIONS_FILE).read_bytes()))
        except FileNotFoundError:
            return cls()
        except DocumentError as wrong:
            raise ConnectionsError(str(wrong)) from wrong


def _plain(connections: Connections) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if connections.facts is not None:
        found["facts"] = asdict(connections.facts)
    if connections.obligations:
        found["obligations"] = {name: asdict(chain) for name, chain in connections.obligations.items()}
    return found
