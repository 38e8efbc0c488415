"""What the chaincode refuses, and how it says so.

A transition that refuses raises `Refusal` with a code of FORMATS §8, one sentence about what is wrong and one about
what to do next. Nothing has been written by then: the refusals of a transition all stand in its first paragraphs, and
`contract.invoke` turns them into a response that no endorser signs.

    Refusal            the caller's fault; carries its status
    └── RangeInWrite   a submitting function asked for a range of keys
"""

from typing import Final

from wuxin_evidence.errors import NamedError

STATUS_OK: Final = 200

STATUS_OF_CODE: Final = {
    "malformed": 400,
    "too_large": 413,
    "unsupported_action": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "not_owner": 403,
    "not_pledgee": 403,
    "not_found": 404,
}
"""Codes that are not conflicts; every other code answers 409: the state, not the request, stands in the way."""

STATUS_CONFLICT: Final = 409


class Refusal(NamedError):
    """A request that the chaincode refuses.

    `code` is stable and meant for programs, `detail` says what is wrong with this request, `hint` what to do next.
    """

    @property
    def status(self) -> int:
        """The response status: 400, 401, 403, 404, 409 or 413."""
        return STATUS_OF_CODE.get(self.code, STATUS_CONFLICT)


class RangeInWrite(Refusal):
    """Raised by a `Stub` whose transaction is meant for the ledger when it is asked for a range.

    A range read in a submitted transaction turns every insertion into that range into a phantom conflict.
    """

    def __init__(self, function: str) -> None:
        super().__init__(
            "unsupported_action",
            f"{function} reads a range of keys and cannot be submitted",
            "evaluate this function instead of submitting it",
        )
