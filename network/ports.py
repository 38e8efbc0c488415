"""The two ledgers as the rest of the house sees them: `Ledger` (facts) and `Chain` (obligations).

Workflow of a fact: `submit` proposes to the endorsing organisations, compares what each simulated, orders, and
returns a `Commit` only once the transaction is final, valid and durable. `evaluate` asks one endorser and
leaves nothing behind. `blocks` follows the ledger for ever; what a projection knows comes from there alone.

Workflow of an obligation: `transact` sends a signed transaction with a fixed gas limit and waits until it is
in a block. A reverted transaction is mined too: it comes back with status 0 and the problem code, because a
refused draw has to be provable. `call` reads, `logs` follows.

Nothing above these ports knows which engine answers, and nothing here is beyond Hyperledger Fabric or a plain
JSON-RPC endpoint. A port is bound to one seat: it signs for that organisation and for no other.

    PortError                code, detail, hint
    ├── Rejected             the caller's fault: chaincode or contract refused, nothing changed
    ├── EndorsementMismatch  an organisation's endorser computed something else than the others
    ├── Invalid              ordered and final, but not valid (e.g. MVCC_READ_CONFLICT); nothing changed
    └── Unavailable          the world's fault: storage, endpoint, stopped endorsers; try again
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from wuxin_evidence.errors import NamedError


class PortError(NamedError):
    """What a ledger answers instead of a result; `code` is one of FORMATS.md section 8 or added to it."""


class Rejected(PortError):
    """The chaincode or the engine refused the command; nothing was ordered, nothing changed.

    `organisation` is the endorser that answered, where one did; `tx_id` is hex.
    """

    def __init__(self, code: str, detail: str, hint: str = "", *, tx_id: str = "", organisation: str = "") -> None:
        super().__init__(code, detail, hint)
        self.tx_id = tx_id
        self.organisation = organisation


class EndorsementMismatch(PortError):
    """One or more endorsers simulated something else than the majority; the submit was given up."""

    def __init__(self, organisations: Sequence[str], tx_id: str, detail: str) -> None:
        super().__init__(
            "endorsement_mismatch",
            detail,
            "compare the chaincode version and the state of the organisation named here with the others",
        )
        self.organisations = tuple(organisations)
        self.organisation = self.organisations[0] if self.organisations else ""
        self.tx_id = tx_id


class Invalid(PortError):
    """The transaction is in a block and was marked invalid; `validation_code` is Fabric's name for the reason.

    MVCC_READ_CONFLICT is worth another attempt under a new nonce; the other reasons are not.
    """

    def __init__(self, tx_id: str, validation_code: str, block: int) -> None:
        retry = validation_code == "MVCC_READ_CONFLICT"
        super().__init__(
            "conflict",
            f"transaction {tx_id} is final in block {block} and invalid: {validation_code}",
            "another transaction changed the same record first: read it again and repeat the command"
            if retry
            else "the transaction cannot become valid; look at its endorsements and its creator",
        )
        self.tx_id = tx_id
        self.validation_code = validation_code
        self.block = block


class Unavailable(PortError):
    """The ledger cannot answer now. With a `tx_id` the outcome is unknown: ask `status`, or submit the same
    nonce again, which repeats nothing."""

    def __init__(self, detail: str, hint: str, *, tx_id: str = "") -> None:
        super().__init__("unavailable", detail, hint)
        self.tx_id = tx_id


@dataclass(frozen=True)
class Commit:
    """A valid, final, durable transaction: hex id, block number, position in the block, what the chaincode
    returned (parsed JSON, None when it returned nothing)."""

    tx_id: str
    block: int
    index: int
    result: Any


class Ledger(Protocol):
    """The ledger of facts, bound to one seat."""

    async def submit(
        self,
        function: str,
        args: Mapping[str, Any],
        *,
        private: Mapping[str, bytes] | None = None,
        nonce: bytes | None = None,
    ) -> Commit:
        """Run one chaincode function and wait until it is final. `private` travels as transient data.

        The transaction id is SHA-256(nonce ‖ creator). Submitting a nonce again that is already final and
        valid returns that earlier commit and changes nothing; with other arguments it is refused as
        `idempotency_mismatch`. Raises Rejected, EndorsementMismatch, Invalid, Unavailable.
        """
        ...

    async def evaluate(self, function: str, args: Mapping[str, Any]) -> Any:
        """Ask one endorser; nothing is written. Sees committed state only. Raises Rejected, Unavailable."""
        ...

    def blocks(self, after: int) -> AsyncIterator[bytes]:
        """Serialised `common.Block`s numbered after + 1, after + 2, …, for ever; −1 starts at genesis."""
        ...

    async def status(self, tx_id: str) -> Commit | None:
        """The commit of a transaction, None while it is unknown; raises Invalid when it is final and invalid."""
        ...

    async def height(self) -> int:
        """Number of blocks; the newest block is height − 1."""
        ...

    async def aclose(self) -> None:
        """Let go of connections; what was acknowledged stays so."""
        ...


@dataclass(frozen=True)
class Log:
    """One event of a contract. `args` are the decoded arguments: bytes32 as 0x hex, integers as int."""

    chain: str
    block: int
    log_index: int
    contract: str
    event: str
    args: Mapping[str, Any]
    tx_hash: str
    timestamp_s: int


@dataclass(frozen=True)
class TxResult:
    """A mined transaction: status 1 done, 0 reverted. For a revert, `code` is the problem code decoded from the
    custom error (FacilityFrozen → facility_frozen) and `detail` its arguments in words."""

    tx_hash: str
    block: int
    status: int
    code: str | None = None
    detail: str = ""
    logs: tuple[Log, ...] = field(default_factory=tuple[Log, ...])


class Chain(Protocol):
    """The ledger of obligations, bound to one key. `name` is the chain's name in the consortium file (e1)."""

    @property
    def name(self) -> str:
        """The chain's name in the consortium file, such as `e1`."""
        ...

    async def transact(self, contract: str, function: str, args: Sequence[Any]) -> TxResult:
        """Send one signed transaction and wait for its block. A revert is a result, not an exception.
        Raises Unavailable when the endpoint does not answer."""
        ...

    async def call(self, contract: str, function: str, args: Sequence[Any]) -> Any:
        """Read at the newest block. Raises Rejected when the view reverts, Unavailable."""
        ...

    def logs(self, after: tuple[int, int], read_to: Callable[[int], None] | None = None) -> AsyncIterator[Log]:
        """Events after (block, log index), in order, for ever; (−1, 0) starts at the beginning. Tells `read_to` up to
        which block all events were given, because most blocks have none."""
        ...

    async def height(self) -> int:
        """Number of the newest block."""
        ...

    async def header(self, block: int) -> bytes:
        """The RLP of a block header."""
        ...

    async def receipt_proof(self, tx_hash: str) -> Mapping[str, Any]:
        """Header, receipt and Merkle-Patricia path of a transaction, as FORMATS.md section 7 stores them."""
        ...

    async def aclose(self) -> None:
        """Let go of connections; what was mined stays so."""
        ...
