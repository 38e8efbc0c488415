"""What the committing side makes of envelopes that no honest client would send."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from network.clock import SystemClock
from network.facts.embedded.engine import LocalFacts
from network.facts.embedded.ledger import LocalLedger, bind
from network.facts.embedded.proposal import Agreed, seal
from network.facts.proposal import prepare
from network.membership.consortium import Consortium
from network.membership.identities import Authority, FabricSigner, Validity, new_key
from network.membership.seats import Seat
from network.ports import Invalid, Rejected
from tests.network.conftest import OpenFacts
from wuxin_evidence.fabric import (
    BAD_CREATOR_SIGNATURE,
    DUPLICATE_TXID,
    ENDORSEMENT_POLICY_FAILURE,
    MVCC_READ_CONFLICT,
    VALID,
    Endorsement,
    endorsement_message,
)

NONCE = b"n" * 24


class Client:
    """A client that may take the transaction apart between endorsement and ordering."""

    def __init__(self, facts: LocalFacts, seat: Seat) -> None:
        self.facts = facts
        self.signer = seat.fabric_signer

    def endorsed(self, function: str, args: dict[str, object], nonce: bytes | None = None, **private: bytes) -> Agreed:
        self.prepared = prepare(
            self.signer, self.facts.consortium.facts, function, args,
            private=private, nonce=nonce, now_ms=SystemClock().now_ms(),
        )  # fmt: skip
        return self.facts.endorse(self.prepared)

    def order(self, agreed: Agreed, signer: FabricSigner | None = None) -> int:
        envelope = seal(signer or self.signer, self.prepared, agreed)
        return self.facts.order(envelope, agreed).result(10).code

    def code(self, function: str, args: dict[str, object]) -> int:
        return self.order(self.endorsed(function, args))


@pytest.fixture
def client(open_facts: OpenFacts, seats: dict[str, Seat]) -> Client:
    return Client(open_facts(), seats["bank"])


def keeping(agreed: Agreed, *numbers: int) -> Agreed:
    return replace(agreed, endorsements=tuple(agreed.endorsements[n] for n in numbers))


def test_an_untouched_transaction_is_valid(client: Client) -> None:
    assert client.code("claim", {"key": "a"}) == VALID


def test_an_envelope_signed_by_another_is_a_bad_creator_signature(client: Client, seats: dict[str, Seat]) -> None:
    agreed = client.endorsed("claim", {"key": "a"})
    assert client.order(agreed, seats["insurer"].fabric_signer) == BAD_CREATOR_SIGNATURE


def test_a_forged_envelope_does_not_use_up_the_transaction_id(client: Client, seats: dict[str, Seat]) -> None:
    agreed = client.endorsed("claim", {"key": "a"}, NONCE)
    assert client.order(agreed, seats["insurer"].fabric_signer) == BAD_CREATOR_SIGNATURE
    assert client.order(agreed) == VALID


def test_an_envelope_created_by_a_peer_is_a_bad_creator_signature(client: Client, seats: dict[str, Seat]) -> None:
    agreed = client.endorsed("claim", {"key": "a"})
    peer = seats["bank"].peer_signer
    assert peer
    client.prepared = prepare(
        peer, client.facts.consortium.facts, "claim", {"key": "a"}, private={}, nonce=None,
        now_ms=SystemClock().now_ms(),
    )  # fmt: skip
    assert client.order(agreed, peer) == BAD_CREATOR_SIGNATURE


def test_the_same_envelope_again_is_a_duplicate(client: Client) -> None:
    agreed = client.endorsed("blind", {"key": "a", "value": "v"})
    assert client.order(agreed) == VALID
    assert client.order(agreed) == DUPLICATE_TXID


def test_two_endorsements_are_too_few(client: Client) -> None:
    agreed = client.endorsed("claim", {"key": "a"})
    assert client.order(keeping(agreed, 0, 1)) == ENDORSEMENT_POLICY_FAILURE


def test_one_endorsement_three_times_counts_once(client: Client) -> None:
    agreed = client.endorsed("claim", {"key": "a"})
    assert client.order(keeping(agreed, 0, 0, 0)) == ENDORSEMENT_POLICY_FAILURE


def test_three_endorsements_suffice(client: Client) -> None:
    agreed = client.endorsed("claim", {"key": "a"})
    assert client.order(keeping(agreed, 0, 2, 4)) == VALID


def test_a_clients_certificate_does_not_endorse(client: Client, seats: dict[str, Seat]) -> None:
    agreed = client.endorsed("claim", {"key": "a"})
    clients = [seats[name].fabric_signer for name in ("manufacturer", "warehouse", "regulator")]
    forged = tuple(
        Endorsement(each.identity, each.sign(endorsement_message(agreed.payload, each.identity))) for each in clients
    )
    assert client.order(replace(agreed, endorsements=forged)) == ENDORSEMENT_POLICY_FAILURE


def test_a_peer_certificate_of_a_foreign_authority_does_not_endorse(client: Client) -> None:
    agreed = client.endorsed("claim", {"key": "a"})
    forged: list[Endorsement] = []
    for msp_id in ("WarehouseMSP", "RegulatorMSP", "InsurerMSP"):
        key = new_key()
        pem = Authority.create(msp_id, Validity()).issue("peer", "peer", key.public_key(), Validity())
        signer = FabricSigner.of("thief", msp_id, pem, key)
        message = endorsement_message(agreed.payload, signer.identity)
        forged.append(Endorsement(signer.identity, signer.sign(message)))
    assert client.order(replace(agreed, endorsements=tuple(forged))) == ENDORSEMENT_POLICY_FAILURE


def test_endorsements_of_another_proposal_do_not_count(client: Client) -> None:
    other = client.endorsed("claim", {"key": "other"})
    client.endorsed("claim", {"key": "a"})
    assert client.order(other) == ENDORSEMENT_POLICY_FAILURE


def test_a_write_after_the_read_is_a_conflict(client: Client) -> None:
    late = client.endorsed("put", {"key": "a", "value": "late"})
    prepared = client.prepared
    assert client.code("blind", {"key": "a", "value": "first"}) == VALID
    client.prepared = prepared
    assert client.order(late) == MVCC_READ_CONFLICT


def test_a_changed_key_policy_is_a_conflict_for_who_read_the_key_before(client: Client) -> None:
    assert client.code("claim", {"key": "a"}) == VALID
    late = client.endorsed("put", {"key": "a", "value": "late"})
    prepared = client.prepared
    assert client.code("guard", {"key": "a", "msps": ["BankMSP"]}) == VALID
    client.prepared = prepared
    assert client.order(late) == MVCC_READ_CONFLICT


def test_a_key_that_appeared_since_is_a_conflict_for_who_saw_it_absent(client: Client) -> None:
    late = client.endorsed("claim", {"key": "a"})
    prepared = client.prepared
    assert client.code("claim", {"key": "a"}) == VALID
    client.prepared = prepared
    assert client.order(late) == MVCC_READ_CONFLICT


def test_a_private_value_that_changed_since_is_a_conflict(client: Client) -> None:
    where = {"msp": "BankMSP", "key": "terms"}
    late = client.endorsed("check_kept", {**where, "to": "b"})
    prepared = client.prepared
    assert client.order(client.endorsed("keep", where, secret=b"s")) == VALID
    client.prepared = prepared
    assert client.order(late) == MVCC_READ_CONFLICT


def test_a_keys_own_policy_takes_the_place_of_the_chaincodes(client: Client) -> None:
    """bank = 0, insurer = 1, manufacturer = 2, warehouse = 3, regulator = 4."""
    client.code("claim", {"key": "receipt"})
    assert client.code("guard", {"key": "receipt", "msps": ["WarehouseMSP", "BankMSP"]}) == VALID
    agreed = client.endorsed("blind", {"key": "receipt", "value": "v"})
    assert client.order(keeping(agreed, 0, 1, 2, 4)) == ENDORSEMENT_POLICY_FAILURE
    agreed = client.endorsed("blind", {"key": "receipt", "value": "v"})
    assert client.order(keeping(agreed, 0, 3)) == VALID


def test_a_keys_policy_guards_the_policy_itself(client: Client) -> None:
    client.code("claim", {"key": "receipt"})
    client.code("guard", {"key": "receipt", "msps": ["WarehouseMSP"]})
    agreed = client.endorsed("guard", {"key": "receipt", "msps": ["BankMSP"]})
    assert client.order(keeping(agreed, 0, 1, 2)) == ENDORSEMENT_POLICY_FAILURE


def test_a_removed_key_policy_gives_the_key_back_to_the_chaincodes(client: Client) -> None:
    client.code("claim", {"key": "receipt"})
    client.code("guard", {"key": "receipt", "msps": ["WarehouseMSP"]})
    assert client.code("guard", {"key": "receipt", "msps": None}) == VALID
    agreed = client.endorsed("blind", {"key": "receipt", "value": "v"})
    assert client.order(keeping(agreed, 0, 1, 2)) == VALID


async def test_a_key_policy_is_read_as_it_was_set(client: Client, seats: dict[str, Seat]) -> None:
    ledger: LocalLedger = bind(client.facts, seats["bank"])
    await ledger.submit("claim", {"key": "receipt"})
    assert await ledger.evaluate("guarded_by", {"key": "receipt"}) is None
    await ledger.submit("guard", {"key": "receipt", "msps": ["WarehouseMSP", "BankMSP"]})
    assert await ledger.evaluate("guarded_by", {"key": "receipt"}) == ["BankMSP", "WarehouseMSP"]
    await ledger.submit("blind", {"key": "receipt", "value": "v"})
    assert await ledger.evaluate("guarded_by", {"key": "receipt"}) == ["BankMSP", "WarehouseMSP"]


def test_a_collections_own_organisation_must_endorse(client: Client) -> None:
    agreed = client.endorsed("keep", {"msp": "WarehouseMSP", "key": "terms"}, secret=b"s")
    assert client.order(keeping(agreed, 0, 1, 2, 4)) == ENDORSEMENT_POLICY_FAILURE
    agreed = client.endorsed("keep", {"msp": "WarehouseMSP", "key": "terms"}, secret=b"s")
    assert client.order(agreed) == VALID


def test_what_is_no_transaction_is_never_ordered(client: Client) -> None:
    for raw in (b"", b"\xff" * 100):
        with pytest.raises(Rejected) as refused:
            client.facts.order(raw)
        assert refused.value.code == "malformed"
    assert client.facts.height() == 1


async def test_the_reason_reaches_the_caller_by_name(client: Client, seats: dict[str, Seat]) -> None:
    agreed = client.endorsed("claim", {"key": "a"}, NONCE)
    assert client.order(keeping(agreed, 0, 1)) == ENDORSEMENT_POLICY_FAILURE
    with pytest.raises(Invalid) as found:
        await bind(client.facts, seats["bank"]).submit("claim", {"key": "a"}, nonce=NONCE)
    assert found.value.validation_code == "ENDORSEMENT_POLICY_FAILURE"


async def test_a_private_value_that_a_transaction_left_behind_is_not_shown(
    client: Client, seats: dict[str, Seat]
) -> None:
    where = {"msp": "BankMSP", "key": "terms"}
    ledger = bind(client.facts, seats["bank"])
    await ledger.submit("keep", where, private={"secret": b"old"})
    newer = replace(client.endorsed("keep", where, secret=b"new"), private=())
    assert client.order(newer) == VALID
    assert await ledger.evaluate("kept", where) is None


def test_a_transaction_of_nine_megabytes_is_never_ordered(client: Client) -> None:
    agreed = client.endorsed("claim", {"key": "a"})
    with pytest.raises(Rejected) as refused:
        client.order(replace(agreed, payload=bytes(9_000_000)))
    assert refused.value.code in ("too_large", "malformed")


async def test_blocks_stay_readable_however_much_comes_at_once(client: Client, seats: dict[str, Seat]) -> None:
    ledger = bind(client.facts, seats["bank"])
    await asyncio.gather(*(ledger.submit("claim", {"key": f"{n}", "value": "v" * 500_000}) for n in range(12)))
    left = await ledger.height()
    async for raw in ledger.blocks(-1):
        assert len(raw) < 10 * 1024 * 1024
        left -= 1
        if left == 0:
            break


async def test_a_certificate_that_is_not_valid_now_signs_nothing(
    home: Path, consortium: Consortium, seats: dict[str, Seat]
) -> None:
    class In2050:
        def now_ms(self) -> int:
            return 2_524_608_000_000

    facts = await asyncio.to_thread(LocalFacts, home, consortium, (), In2050())
    with pytest.raises(Rejected) as refused:
        client = Client(facts, seats["bank"])
        from network.facts.embedded.engine import open_endorsers

        facts._endorsers = open_endorsers(home, consortium)
        client.prepared = prepare(
            client.signer, consortium.facts, "claim", {"key": "a"}, private={}, nonce=None, now_ms=In2050().now_ms()
        )
        facts.endorse(client.prepared)
    assert refused.value.code == "forbidden"
    facts.close()
