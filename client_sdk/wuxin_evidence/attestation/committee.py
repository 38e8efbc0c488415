"""The committee of an epoch: whose keys sign for whom, and how many of them have to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wuxin_evidence.attestation.fields import read_hex, read_list, read_object, read_text, require_integer
from wuxin_evidence.crypto.sm2 import check_public_key
from wuxin_evidence.errors import malformed
from wuxin_evidence.ids import ORGANISATION_NAME

MEMBERS_MAX = 16
"""Members of a committee, and so signatures worth looking at. OracleCommittee would take 32; the facts take so many."""


@dataclass(frozen=True)
class CommitteeMember:
    """An organisation's oracle keys: SM2 for the facts, an EVM address for the contracts."""

    organisation: str
    sm2_public_key: bytes
    evm_address: bytes

    def __post_init__(self) -> None:
        if not ORGANISATION_NAME.fullmatch(read_text(self.organisation)):
            raise malformed(f"organisation name {self.organisation[:40]!r}")
        check_public_key(self.sm2_public_key)
        if len(self.evm_address) != 20:
            raise malformed("an EVM address is 20 bytes")


@dataclass(frozen=True)
class Committee:
    """The members of one epoch, from `active_from_s` on; `threshold` k of n with 2k > n."""

    epoch: int
    threshold: int
    members: tuple[CommitteeMember, ...]
    active_from_s: int

    def __post_init__(self) -> None:
        require_integer("epoch", self.epoch, 0, 2**53 - 1)
        require_integer("active_from_s", self.active_from_s, 0, 2**53 - 1)
        count = len(self.members)
        require_integer("members of a committee", count, 1, MEMBERS_MAX)
        # more than half, so that two quorums always share a member
        require_integer("threshold", self.threshold, count // 2 + 1, count)
        for name in ("organisation", "sm2_public_key", "evm_address"):
            if len({getattr(member, name) for member in self.members}) != count:
                raise malformed(f"two members of the committee share one {name}", "one organisation, one key, one vote")

    def find(self, organisation: str) -> CommitteeMember | None:
        """Return the organisation's member, or None where the organisation has no seat in this epoch."""
        return next((each for each in self.members if each.organisation == organisation), None)

    def to_json(self) -> dict[str, Any]:
        """Keys and addresses as lower-case hex without prefix."""
        return {
            "epoch": self.epoch,
            "threshold": self.threshold,
            "active_from_s": self.active_from_s,
            "members": [
                {
                    "organisation": member.organisation,
                    "sm2_public_key": member.sm2_public_key.hex(),
                    "evm_address": member.evm_address.hex(),
                }
                for member in self.members
            ],
        }

    @classmethod
    def from_json(cls, value: object) -> Committee:
        """The inverse of `to_json`. Raises `malformed`."""
        fields = read_object(value, "committee", cls.__annotations__)
        members = [
            read_object(each, "member", CommitteeMember.__annotations__) for each in read_list(fields["members"])
        ]
        return cls(
            fields["epoch"],
            fields["threshold"],
            tuple(
                CommitteeMember(
                    read_text(each["organisation"]), read_hex(each["sm2_public_key"]), read_hex(each["evm_address"])
                )
                for each in members
            ),
            fields["active_from_s"],
        )
