"""Sources within a prompt, as a causal teacher reads them before a target."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tfkd.data.encoded import encode_corpus
from tfkd.data.text.text_corpus import TextCorpus

SOURCE = "{source}"


def prompted(prompt: str, source: str) -> str:
    """A prompt with a source in its place; nothing else of it is replaced."""
    before, _, behind = prompt.partition(SOURCE)
    return f"{before}{source}{behind}"


def encode_prompted(prompt: str) -> Any:
    """`encode_corpus` of sources within a prompt: what `IdsStage.cut` takes.

    Args:
        prompt: A text with `{source}` in it, once.
    """
    return partial(_encode, prompt)


def _encode(
    prompt: str, text: TextCorpus, field: str, tokenizer: Any, folder: Path
) -> dict[str, Any]:
    return encode_corpus(_Prompted(text, prompt), field, tokenizer, folder)


class _Prompted:
    """A corpus whose lines stand in a prompt."""

    def __init__(self, text: TextCorpus, prompt: str):
        self._text, self._prompt = text, prompt

    def __len__(self) -> int:
        return len(self._text)

    def lines(self, field: str, start: int = 0, stop: int | None = None) -> Iterator[str]:
        for line in self._text.lines(field, start, stop):
            yield prompted(self._prompt, line)
