"""A tokenizer for language models that were trained on documents with a newline between them."""

from typing import Any


class Separated:
    """A tokenizer whose texts start after a separator and end with it, in place of the end's token.

    A model that has read lines with newlines between them alone has learnt nothing of the end's
    token: as the start of a text it would be noise, and as its end a piece that no context makes
    likely, which would be most of a short line's loss.

    Args:
        tokenizer: The tokenizer that the text was encoded with; all else is its own. Its end stands
            for no word, so no search writes it.
        separator: The id of a piece.

    Attributes:
        inner: That tokenizer.
    """

    def __init__(self, tokenizer: Any, separator: int):
        self.inner = tokenizer
        self.start_id = self.end_id = int(separator)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)
