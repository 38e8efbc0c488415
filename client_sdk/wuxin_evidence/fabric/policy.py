"""Signature policies: who has to endorse.

``peers_all(msp_ids)`` is the key-level policy AND(MSP peers) that the chaincode sets, ``peers_at_least(n,
msp_ids)`` the chaincode's own policy; both are ``SignaturePolicyEnvelope`` bytes as Fabric stores them.
``parse_policy`` reads either (or any nesting of N-out-of) back, ``Policy.satisfied_by`` decides over the
principals that really signed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.fabric.schema import POLICIES, PRINCIPAL, parse, serialize

POLICY_DEPTH_MAX = 8
"""Nesting of N-out-of rules read; real policies use two levels, and recursion must end."""

POLICY_RULES_MAX = 256
"""Rules in one policy; a consortium has tens of members, and evaluation must stay cheap."""

MEMBER, ADMIN, CLIENT, PEER, ORDERER = "MEMBER", "ADMIN", "CLIENT", "PEER", "ORDERER"


class Principal(NamedTuple):
    """An organisation's role: MSP id and one of MEMBER, ADMIN, CLIENT, PEER, ORDERER."""

    msp_id: str
    role: str


@dataclass(frozen=True)
class Rule:
    """Either one principal (``signed_by`` set) or ``n`` out of ``rules``."""

    signed_by: Principal | None
    n: int = 0
    rules: tuple["Rule", ...] = ()


@dataclass(frozen=True)
class Policy:
    """A policy to be satisfied by the distinct identities that signed."""

    rule: Rule

    def satisfied_by(self, signers: Iterable[Principal]) -> bool:
        """Whether these signers suffice. Each identity counts once per rule branch, as in Fabric.

        ``signers`` holds one principal per distinct identity; any role also counts as MEMBER.
        """
        return _satisfied(self.rule, list(signers), set())

    def describe(self) -> str:
        """The policy as text, for example ``2 of (AMSP.PEER, BMSP.PEER)``."""
        return _describe(self.rule)


def peers_all(msp_ids: Sequence[str]) -> bytes:
    """AND over the organisations' peers: the key-level VALIDATION_PARAMETER the chaincode sets."""
    return peers_at_least(len(msp_ids), msp_ids)


def peers_at_least(n: int, msp_ids: Sequence[str]) -> bytes:
    """N of these organisations' peers, as serialised SignaturePolicyEnvelope; organisations are sorted.

    Raises EvidenceError ``malformed`` unless 1 <= n <= number of distinct organisations.
    """
    ordered = sorted(set(msp_ids))
    if not 1 <= n <= len(ordered):
        raise EvidenceError(
            "malformed",
            f"a policy of {n} out of {len(ordered)} organisations",
            "ask for between one and all of them",
        )
    signed_by = [POLICIES.SignaturePolicy(signed_by=index) for index in range(len(ordered))]
    rule = POLICIES.SignaturePolicy(n_out_of=POLICIES.SignaturePolicy.NOutOf(n=n, rules=signed_by))
    return serialize(POLICIES.SignaturePolicyEnvelope(version=0, rule=rule, identities=[_peer(msp) for msp in ordered]))


def parse_policy(raw: bytes) -> Policy:
    """Read a SignaturePolicyEnvelope. Raises EvidenceError ``malformed`` for what this verifier cannot
    decide.
    """
    message = parse(POLICIES.SignaturePolicyEnvelope, raw)
    principals = [_read_principal(identity) for identity in message.identities]
    budget = [POLICY_RULES_MAX]
    return Policy(_read_rule(message.rule, principals, POLICY_DEPTH_MAX, budget))


def _peer(msp_id: str) -> Any:
    role = PRINCIPAL.MSPRole(msp_identifier=msp_id, role=PRINCIPAL.MSPRole.PEER)
    return PRINCIPAL.MSPPrincipal(principal_classification=PRINCIPAL.MSPPrincipal.ROLE, principal=serialize(role))


def _read_principal(message: Any) -> Principal:
    if message.principal_classification != PRINCIPAL.MSPPrincipal.ROLE:
        raise _undecidable("a principal that is not a role")
    role = parse(PRINCIPAL.MSPRole, message.principal)
    names = {0: MEMBER, 1: ADMIN, 2: CLIENT, 3: PEER, 4: ORDERER}
    if role.role not in names:
        raise _undecidable(f"role number {role.role}")
    return Principal(role.msp_identifier, names[role.role])


def _read_rule(message: Any, principals: list[Principal], depth: int, budget: list[int]) -> Rule:
    budget[0] -= 1
    if depth == 0 or budget[0] < 0:
        raise _undecidable("a policy nested too deeply or too large")
    kind = message.WhichOneof("Type")
    if kind == "signed_by":
        if not 0 <= message.signed_by < len(principals):
            raise _undecidable("a rule naming an identity that is not listed")
        return Rule(principals[int(message.signed_by)])
    if kind != "n_out_of":
        raise _undecidable("an empty rule")
    rules = tuple(_read_rule(rule, principals, depth - 1, budget) for rule in message.n_out_of.rules)
    if not 1 <= message.n_out_of.n <= len(rules):
        raise _undecidable("a rule that nobody, or anybody, satisfies")
    return Rule(None, message.n_out_of.n, rules)


def _undecidable(what: str) -> EvidenceError:
    return EvidenceError("malformed", f"policy not decidable: {what}", "use N-out-of rules over MSP roles")


def _satisfied(rule: Rule, signers: list[Principal], used: set[int]) -> bool:
    """Fabric's own walk: a rule takes signers it has not used yet, and gives them back if it fails."""
    if rule.signed_by is not None:
        for index, signer in enumerate(signers):
            if index not in used and _matches(rule.signed_by, signer):
                used.add(index)
                return True
        return False
    met = 0
    for inner in rule.rules:
        attempt = set(used)
        if _satisfied(inner, signers, attempt):
            met += 1
            used.update(attempt)
    return met >= rule.n


def _matches(wanted: Principal, signer: Principal) -> bool:
    return wanted.msp_id == signer.msp_id and wanted.role in (MEMBER, signer.role)


def _describe(rule: Rule) -> str:
    if rule.signed_by is not None:
        return f"{rule.signed_by.msp_id}.{rule.signed_by.role}"
    return f"{rule.n} of ({', '.join(_describe(inner) for inner in rule.rules)})"
