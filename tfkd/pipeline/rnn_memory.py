"""What a step of an LSTM encoder-decoder holds in memory, predicted from options."""

from typing import Any

_FLOAT = 4
_GATES = 4


def encoder_kept(model: Any, item: int) -> int:
    """Bytes a token of the source that the encoder keeps for the backward pass.

    Args:
        model: Options of an `rnn`.
        item: Bytes of a number in the precision of the products.
    """
    width = model.width
    rows = width * (_FLOAT + 2 * item)  # as read, cast, and with their time first
    # What a layer reads and its mask, turned round for the other direction; gates, cells, states.
    reads = (1 + bool(model.dropout) + model.bidirectional) * width * item
    copies = (2 + model.bidirectional) * width * item
    return rows + model.layers * (reads + _states(width, item) + copies)


def decoder_kept(model: Any, item: int, longest: int) -> int:
    """Bytes a token of the target that the decoder keeps, its backward loop's gradients among them:
    they are there before what it read goes.

    Args:
        model: Options of an `rnn`.
        item: Bytes of a number in the precision of the products.
        longest: Tokens of the longest source.
    """
    width = model.width
    rows = width * (_FLOAT + 2 * item)
    mask = width * (item + _FLOAT) if model.dropout else 0
    layer = _states(width, item) + width * _FLOAT + (_GATES + 2) * width * item + mask
    # Weights and their gradient; context, attentional vector, what is fed, and their gradients.
    attention = 2 * longest * item + 8 * width * item
    return rows + _GATES * width * item + model.layers * layer + attention


def taught(model: Any, item: int) -> int:
    """Bytes a token of a live teacher, which keeps no gradients: what its loops write."""
    return (model.layers + 1) * (2 * _GATES * model.width * item + _states(model.width, item))


def _states(width: int, item: int) -> int:
    """Gates, cells and hidden states of a layer; cells and those of the step before once more, in
    the rows that a loop reads."""
    return _GATES * width * item + 3 * width * _FLOAT + width * item
