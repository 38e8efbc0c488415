"""The encoding of a recorded series: what the bytes of a file show, held against what its mapping says.

require_encoding(path, said)               refuses a file whose first bytes show another encoding, naming it
undecodable(path, encoding, said)          the refusal of a file with a byte that is not of its encoding
"""

from __future__ import annotations

import codecs
from pathlib import Path

from wuxin_evidence.errors import EvidenceError

DECODED_BYTES = 4096
SAVE_AS_UTF8 = "save the file as UTF-8 and leave encoding out"
NUL_SHARE = 8
"""Text with delimiters and digits in two or four bytes a character has more zero bytes than one of eight."""
_MARKS: tuple[tuple[bytes, tuple[str, ...]], ...] = (
    (codecs.BOM_UTF32_LE, ()),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, ()),
    (codecs.BOM_UTF16_LE, ("utf-16", "utf-16-le")),
    (codecs.BOM_UTF16_BE, ("utf-16", "utf-16-be")),
    (codecs.BOM_UTF8, ("utf-8",)),
)


def require_encoding(path: Path, said: str) -> None:
    """Raise `malformed` where the first bytes show another encoding than the mapping says, naming what to write."""
    with path.open("rb") as file:
        fitting = _fitting(file.read(DECODED_BYTES))
    if fitting is None:
        if not said.startswith("utf-16"):
            return
        shown, hint = "not UTF-16", "leave encoding out if it is UTF-8, or write what it is"
    elif said in fitting:
        return
    elif not fitting:
        shown, hint = "UTF-32, which is not read here", SAVE_AS_UTF8
    else:
        shown, hint = fitting[0], f'write encoding = "{fitting[0]}"'
    raise EvidenceError("malformed", f"{path.name}: row 1: the file is {shown}, and the mapping says {said}", hint)


def _fitting(first: bytes) -> tuple[str, ...] | None:
    """The encodings that fit the first bytes of a file; none for UTF-32, and None where the bytes do not tell."""
    for mark, names in _MARKS:
        if first.startswith(mark):
            return names
    if first.count(0) * NUL_SHARE <= len(first):
        return None
    quarters = [set(first[place::4]) == {0} for place in range(4)]
    if all(quarters[:2]) or all(quarters[2:]):
        return ()
    # where most zero bytes come second, the low byte of each character comes first
    return ("utf-16-le", "utf-16") if first[1::2].count(0) > first[::2].count(0) else ("utf-16-be",)


def undecodable(path: Path, encoding: str, said: str) -> EvidenceError:
    """The refusal of a file that is not in its encoding, with the row in which the first bad byte stands."""
    decoder, row, place = codecs.getincrementaldecoder(encoding)(), 1, 0
    with path.open("rb") as file:
        while chunk := file.read(DECODED_BYTES):
            before = decoder.getstate()
            try:
                row += decoder.decode(chunk).count("\n")
                place += len(chunk)
                continue
            except UnicodeError:
                decoder.setstate(before)
            try:
                for n in range(len(chunk)):
                    row += decoder.decode(chunk[n : n + 1]).count("\n")
                    place += 1
            except UnicodeError:
                break
    hint = f'write the file\'s encoding, such as encoding = "gb18030"; or {SAVE_AS_UTF8}'
    return EvidenceError("malformed", f"{path.name}: row {row}: byte {place} is not {said}", hint)
