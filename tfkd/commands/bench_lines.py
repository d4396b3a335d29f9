"""Lines of so many tokens, which latencies are compared on."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tfkd.commands.generate import SAVED_MODEL, Placed

# Tokens of short, middling and long sentences: those that papers measure.
LENGTHS = (10, 27, 60)
ROWS = 10
_Encode = Callable[[Sequence[str]], list[int]]


class Tokens(NamedTuple):
    """How many tokens lines have, as a model reads them and as it writes them."""

    read: _Encode
    written: _Encode


def tokens_of(exports: Sequence[Placed]) -> Tokens | None:
    """What counts tokens, by the files of a stage's exports; None: none of them has any."""
    for one in sorted(exports, key=lambda one: one.format == SAVED_MODEL):
        found = _of_saved_model(one) if one.format == SAVED_MODEL else _of_engine(one)
        if found is not None:
            return found
    return None


def _of_engine(export: Placed) -> Tokens | None:
    from tfkd.serving.formats.opening import open_exported

    engine = open_exported(export.folder)
    sides = [getattr(engine, side, None) for side in ("source", "target")]
    if any(not hasattr(side, "encode") for side in sides):
        return None

    def counts(side: Any) -> _Encode:
        return lambda lines: [len(row) for row in side.encode(lines)]

    return Tokens(*map(counts, sides))


def _of_saved_model(export: Placed) -> Tokens | None:
    from tfkd.data.tokenizers import load_tokenizer

    folders = sorted(export.folder.glob("*/ids"))
    if not folders:
        return None
    text = folders[-1] / "text"
    sides = (text, text) if text.is_dir() else (folders[-1] / "source", folders[-1] / "target")
    if not all(side.is_dir() for side in sides):
        return None

    def counts(folder: Any) -> _Encode:
        tokenizer = load_tokenizer(folder)
        return lambda lines: tokenizer.encode(list(lines)).lengths.tolist()

    return Tokens(*map(counts, sides))


def of_length(
    lines: Sequence[str], count: _Encode, tokens: int, rows: int = ROWS
) -> tuple[list[str], list[int]]:
    """Lines of the words of others, in their order, each of so many tokens or as near below as its
    words let it be; and the tokens of each.

    Args:
        lines: Real ones; characters stand for words where they have no spaces.
        count: From lines to their tokens.
        tokens: How many.
        rows: How many lines.
    """
    words = [line.split() for line in lines]
    apart = " " if any(len(one) > 1 for one in words) else ""
    units = [unit for one in words for unit in (one if apart else "".join(one))]
    units = units * (1 + tokens * rows // len(units))
    found, sizes = [], []
    for row in range(rows):
        first = row * tokens % (len(units) - tokens + 1)
        tried = [apart.join(units[first : first + last]) for last in range(1, tokens + 1)]
        counted = count(tried)
        fitting = [place for place in range(tokens) if counted[place] <= tokens]
        best = max(fitting, key=lambda place: counted[place]) if fitting else 0
        found.append(tried[best])
        sizes.append(counted[best])
    return found, sizes
