"""Text as a terminal may be shown it: whatever it says, it moves no cursor and sets no title.

Labels, file names, specs and results come from anywhere. In their text a terminal obeys control
characters, and shows what follows an override of the reading order backwards; both are written as
Python writes them, `\\x1b`, `\\u202e`.
"""

import logging
import re
from collections.abc import Callable

# All of C0 but tab and newline, DEL and C1; the ends of lines and paragraphs; marks, embeddings,
# overrides and isolates of the reading order that last beyond a character.
_UNSAFE = "\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
_IN_TEXT = re.compile(f"[{_UNSAFE}]")
_IN_A_LINE = re.compile(f"[{_UNSAFE}\t\n]")


def printable(text: str) -> str:
    """The text with each character that a terminal obeys as its escape; tabs and newlines stay."""
    return _IN_TEXT.sub(_escaped, text)


def one_line(text: str) -> str:
    """As `printable`, on one line: for a cell of a table, or a name within a sentence."""
    return _IN_A_LINE.sub(_escaped, text)


def say(line: str) -> None:
    """Prints a line for a person, at once."""
    print(printable(line), flush=True)


def logged(say: Callable[[str], None], name: str) -> Callable[[str], None]:
    """The same, and each line is a record of a logger, `tfkd.run` say, too."""
    logger = logging.getLogger(name)

    def said(line: str) -> None:
        level = logging.WARNING if line.startswith("warning: ") else logging.INFO
        logger.log(level, "%s", printable(line))
        say(line)

    return said


def _escaped(found: re.Match) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
