"""Logs as text for people and for terminals. Pure."""

from __future__ import annotations

import re

#: A colour or another look of letters (SGR in ECMA-48): the only sequence that a terminal may be sent.
LOOK = r"\x1b\[[0-9;:]*m"
#: Every other thing that a terminal could obey: control sequences, strings for it (titles, links, the clipboard) as far
#: as their line goes, shorter escapes, and control characters but newline, tab and NUL, and those that
#: make text run another way than it was written.
_COMMAND = re.compile(
    rf"(?!{LOOK})(?:\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?"
    r"|[\x01-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069])"
)
_LOOKS = re.compile(LOOK)
#: What stands before a line that `LogWriter.note` wrote.
NOTE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} ")
_LONGEST = 500


def coloured(data: bytes) -> str:
    """Text that a terminal shows as it was meant, and that cannot make it do anything else. Colours end with the text.

    What is no UTF-8 is replaced and a NUL is shown as `␀`; of a line that was drawn over (a bar of progress) the last
    drawing is left.
    """
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in data.decode(errors="replace").split("\n"))
    text = _COMMAND.sub("", "\n".join(lines)).replace("\0", "␀")
    return text + "\x1b[0m" if _LOOKS.search(text) else text


def plain(data: bytes) -> str:
    """The same without colours."""
    return _LOOKS.sub("", coloured(data))


def decisive_lines(data: bytes, count: int = 10) -> list[str]:
    """The last lines of a failed log that say something: most often they tell the cause.

    The deployer's own last words are left out where there is anything else: they are told in another place.
    """
    lines = [line.rstrip()[:_LONGEST] for line in plain(data).split("\n") if line.strip()]
    if len(lines) > 1 and NOTE.match(lines[-1]):
        lines.pop()
    return lines[-count:] if count else []
