"""Rows that are read: how many are kept, and why the others are not.

A row is bad where the data is broken: bytes that are no UTF-8, a column or key that is missing, one
field empty beside others. Bad rows are told of from one in a hundred on, and refused where they are
more than the user allows: a file in another encoding loses just the rows with accents in silence.
Blank lines are no rows, and what the user filters away (`part`, `sample`, `drop_overlap`, a
`max_characters` of his own) is not bad.
"""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field

from tfkd.spec.errors import UserError

LISTED = 10  # lines named for each reason in a report
_NAMED = 3  # in a message
_TOLD = 0.01
# What to do, by how a reason begins.
_ADVICE = {
    "not UTF-8": "Save it as UTF-8 (a Latin-1 file by iconv -f LATIN1 -t UTF-8)",
    "fewer than": "See `columns`: columns are separated by tabs in `tsv`, by commas in `csv`",
    "more than": "A cell that holds the delimiter is put in quotes, or name the `delimiter`",
    "quoted": "A quote within a quoted field is written twice",
    "longer than": "Set `max_characters` to what a row may have",
    "not JSON": "Each line must be one JSON object",
    "no `": "See `fields`",
    "`": "See `fields`",
}


@dataclass
class Tally:
    """What happened to the rows of one pass.

    Attributes:
        read: Lines.
        kept: Rows that came out.
        dropped: The others by reason, the first of them named.
        bad: How many were bad, by reason.
        passed: Lines that are no rows, or longer than the user wants.
        words, line_ends: Of each kept row of a text whose tokenization is undone: its words, and
            the ends of lines up to the next row, those of empty lines counted.
    """

    read: int = 0
    kept: int = 0
    dropped: dict[str, dict] = field(default_factory=dict)
    bad: dict[str, int] = field(default_factory=dict)
    passed: int = 0
    words: array = field(default_factory=lambda: array("q"))
    line_ends: array = field(default_factory=lambda: array("q"))

    def drop(self, reason: str, place: str) -> None:
        """Counts a row that is left out."""
        entry = self.dropped.setdefault(reason, {"count": 0, "lines": []})
        entry["count"] += 1
        if len(entry["lines"]) < LISTED:
            entry["lines"].append(place)

    def fault(self, reason: str, place: str, bad: bool) -> None:
        """Counts a row that cannot be read, or is none."""
        self.drop(reason, place)
        if bad:
            self.bad[reason] = self.bad.get(reason, 0) + 1
        else:
            self.passed += 1


def refuse_many(tally: Tally, name: str, most: float, asked: bool) -> None:
    """Refuses a corpus that loses more rows than it may because they are bad.

    Args:
        tally: Of a whole pass.
        name: The corpus's, for the message.
        most: The share of bad rows that is allowed.
        asked: Whether the user said so; else a few bad rows are none too many, however few others
            there are: each is named in the report.

    Raises:
        UserError: There are more.
    """
    bad, rows = sum(tally.bad.values()), tally.read - tally.passed
    if bad <= most * rows or not (asked or bad > LISTED):
        return
    worst = max(tally.bad, key=tally.bad.__getitem__)
    advice = next((words for start, words in _ADVICE.items() if worst.startswith(start)), "Mend it")
    enough = min(100, bad * 100 // rows + 1) / 100
    raise UserError(
        f"{_said(tally, name)}. {advice}; or allow such rows to be left out, `max_bad_rows: "
        f"{enough:g}`"
    )


def warning(tally: Tally, name: str) -> str | None:
    """What is said where one row in a hundred is bad, or more; None where there are fewer."""
    bad, rows = sum(tally.bad.values()), tally.read - tally.passed
    return f"{_said(tally, name)}; left out" if bad and bad >= _TOLD * rows else None


def _said(tally: Tally, name: str) -> str:
    bad, rows = sum(tally.bad.values()), tally.read - tally.passed
    reasons = ", ".join(
        f"{count:,} {reason} ({_places(tally.dropped[reason], count)})"
        for reason, count in tally.bad.items()
    )
    return f"{name}: {bad:,} of {rows:,} rows ({100 * bad / rows:.1f} %) are broken: {reasons}"


def _places(entry: Mapping, count: int) -> str:
    named = ", ".join(entry["lines"][:_NAMED])
    return named + (", ..." if count > _NAMED else "")
