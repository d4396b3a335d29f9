"""Steps and sizes that fit a number of tokens."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Options of models of words.

    Attributes:
        pieces: Of the vocabulary.
        width: Components of a vector in teacher and student.
        heads: Of its attention.
        dropout: Of the student.
    """

    pieces: int = 8000
    width: int = 256
    heads: int = 4
    dropout: float = 0.2


def sizes_for(tokens: int | None) -> Sizes:
    """More text can fill more weights; little text is known by heart by fewer.

    Args:
        tokens: Of the training text; None: some hundred thousand.
    """
    if tokens is None or 200_000 <= tokens < 20_000_000:
        return Sizes()
    if tokens < 200_000:
        return Sizes(pieces=4000, dropout=0.3)
    return Sizes(pieces=16_000, width=512, heads=8, dropout=0.1)


def steps_for(amount: int, batch: int, times: float, least: int, most: int) -> int:
    """Steps that read all there is so many times, in two digits.

    Args:
        amount: Tokens or rows in an epoch.
        batch: As many are in a step.
        times: Epochs.
        least: Fewer steps train nothing, however little text there is.
        most: More cost more than they gain.
    """
    return rounded(min(most, max(least, amount * times / batch)))


def rounded(number: float) -> int:
    """To two digits."""
    unit = 10 ** max(0, len(str(int(number))) - 2)
    return max(1, int(number / unit + 0.5) * unit)


def times_through(steps: int, batch: int, amount: int, what: str) -> str:
    """A comment on how often a number of steps reads all there is."""
    times = steps * batch / max(1, amount)
    said = f"{times:.0f} times" if times >= 1.5 else "once" if times > 0.7 else f"{times:.0%} of"
    return f"about {said}{' through' if times > 0.7 else ''} {what}"
