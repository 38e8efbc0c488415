"""What the evidence room says when it refuses.

Everything that fails here fails with one `EvidenceError`: a code of the published list (the same in chaincode,
contracts, API, CLI and SDK), a detail that names what was found, and a hint that says what to do next. `NamedError`
is that shape; the errors of all other rooms have it from here.
"""

from __future__ import annotations


class NamedError(Exception):
    """What every room raises: `code` is stable and for programs; `detail` and `hint` are sentences for people."""

    def __init__(self, code: str, detail: str, hint: str = "") -> None:
        super().__init__(code, detail, hint)
        self.code = code
        self.detail = detail
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}" + (f" ({self.hint})" if self.hint else "")


class EvidenceError(NamedError):
    """The evidence room refuses."""


def malformed(detail: str, hint: str = "") -> EvidenceError:
    """The bytes or fields are not what the format says."""
    return EvidenceError("malformed", detail, hint or "compare the input with the format's reference page")


def too_large(what: str, found: int, allowed: int) -> EvidenceError:
    """A named bound was passed; `found` and `allowed` are in the unit that `what` names."""
    return EvidenceError("too_large", f"{what}: {found} is more than {allowed}", "split it into smaller parts")
