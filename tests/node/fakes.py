"""The two ports in memory, for what a real ledger does too rarely to wait for."""

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from network.ports import Commit, Invalid, Log, TxResult, Unavailable


class FakeLedger:
    """Answers each submit with the next of ``script``: an exception to raise, or None to commit."""

    def __init__(self, *script: Exception | None) -> None:
        self.script = list(script)
        self.nonces: list[bytes] = []
        self.committed: dict[str, Commit] = {}

    async def submit(
        self,
        function: str,
        args: Mapping[str, Any],
        *,
        private: Mapping[str, bytes] | None = None,
        nonce: bytes | None = None,
    ) -> Commit:
        assert nonce is not None
        self.nonces.append(nonce)
        failure = self.script.pop(0) if self.script else None
        if failure is not None:
            raise failure
        tx_id = hashlib.sha256(nonce).hexdigest()
        return self.committed.setdefault(tx_id, Commit(tx_id, -1, 0, {"ok": True}))

    async def evaluate(self, function: str, args: Mapping[str, Any]) -> Any:
        return None

    async def blocks(self, after: int) -> AsyncIterator[bytes]:
        for _ in ():
            yield b""

    async def status(self, tx_id: str) -> Commit | None:
        return self.committed.get(tx_id)

    async def height(self) -> int:
        return 0

    async def aclose(self) -> None: ...


class FakeChain:
    """Answers each transact with the next of ``script``; counts what was sent."""

    name = "e1"

    def __init__(self, *script: Exception | TxResult) -> None:
        self.script = list(script)
        self.sent: list[tuple[str, str, Sequence[Any]]] = []

    async def transact(self, contract: str, function: str, args: Sequence[Any]) -> TxResult:
        self.sent.append((contract, function, args))
        answer = self.script.pop(0) if self.script else TxResult("0x01", 1, 1)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def call(self, contract: str, function: str, args: Sequence[Any]) -> Any:
        return None

    async def logs(self, after: tuple[int, int], read_to: Callable[[int], None] | None = None) -> AsyncIterator[Log]:
        for _ in ():
            yield _

    async def height(self) -> int:
        return 7

    async def header(self, block: int) -> bytes:
        return b""

    async def receipt_proof(self, tx_hash: str) -> Mapping[str, Any]:
        return {}

    async def aclose(self) -> None: ...


def read_conflict() -> Invalid:
    return Invalid("aa", "MVCC_READ_CONFLICT", 3)


def no_answer() -> Unavailable:
    return Unavailable("nobody answers", "wait")
