"""Foreign text made printable, so that nobody who is quoted can write to the terminal or to the log.

    printable("scale" + ESC + "[2J" + LF + "valid")   one line, with both characters escaped
    handler.setFormatter(LineFormatter())             a log in which only a record begins a line

Topics, names, checkpoint origins and the words of an endpoint come from others. A control character in them can clear
the screen, a line break can add a line that reads like one of ours, a bidirectional mark can turn a name around.
"""

from __future__ import annotations

import logging

from wuxin_evidence.codepoints import HIDDEN

TEXT_CHARS_MAX = 2_000
"""Longest text shown: a finding is a sentence or two, and what is longer is read in the file itself."""

CUT = " … (cut)"


def printable(text: str, chars_max: int = TEXT_CHARS_MAX) -> str:
    """`text` on one line, cut after `chars_max` of its characters.

    Escaped, as Python writes them, are control characters (C0, C1, DEL), format characters (bidirectional marks,
    zero-width marks, the byte order mark), line and paragraph separators, blanks other than the space, surrogates,
    private and unassigned characters, and letters and signs without a shape (`HIDDEN`).
    """
    shown = "".join(
        each if each.isprintable() and HIDDEN.match(each) is None else each.encode("unicode_escape").decode("ascii")
        for each in text[:chars_max]
    )
    return shown + CUT if len(text) > chars_max else shown


class LineFormatter(logging.Formatter):
    """Writes each record as one printable line; the lines of a trace follow it, indented.

    The indent matters because the message of an error may hold line breaks: nothing in it begins at the first column.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The record's line, and its trace where it has one."""
        first, *trace = super().format(_Escaped(record)).split("\n")
        return "\n".join([first, *("    " + printable(line) for line in trace)])


class _Escaped(logging.LogRecord):
    """A record whose message is printable; a copy, because other handlers get the same record.

    A long message is cut in its middle: a server hands over a whole trace as one message, and its end names the error.
    """

    def __init__(self, record: logging.LogRecord) -> None:
        self.__dict__.update(record.__dict__)
        message, half = record.getMessage(), TEXT_CHARS_MAX // 2
        if len(message) > TEXT_CHARS_MAX:
            self.msg = printable(message, half) + " " + printable(message[-half:])
        else:
            self.msg = printable(message)
        self.args = ()
