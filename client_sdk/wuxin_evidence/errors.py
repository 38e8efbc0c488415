"""What the evidence room says when it refuses.

Everything that fails here fails with one `EvidenceError`: a code of the published list (the same in chaincode,
contracts, API, CLI and SDK), a detail that names what was found, and a hint that says what to do next.
"""

from __future__ import annotations


class EvidenceError(Exception):
    """A refusal. `code` is stable and for programs; `detail` and `hint` are sentences for people."""

    def __init__(self, code: str, detail: str, hint: str = "") -> None:
        super().__init__(f"{code}: {detail}" + (f" ({hint})" if hint else ""))
        self.code = code
        self.detail = detail
        self.hint = hint

    def __reduce__(self) -> tuple[type[EvidenceError], tuple[str, str, str]]:
        return type(self), (self.code, self.detail, self.hint)


def malformed(detail: str, hint: str = "") -> EvidenceError:
    """The bytes or fields are not what the format says."""
    return EvidenceError("malformed", detail, hint or "compare the input with the format's reference page")


def too_large(what: str, found: int, allowed: int) -> EvidenceError:
    """A named bound was passed; `found` and `allowed` are in the unit that `what` names."""
    return EvidenceError("too_large", f"{what}: {found} is more than {allowed}", "split it into smaller parts")
