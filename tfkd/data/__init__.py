"""Text to batches: corpora, tokenizers, ids on the disk, views, the batch plan."""

import importlib
from typing import Any

_PLACES = {
    "BatchPlan": "batch_plan",
    "Batcher": "batcher",
    "Corpus": "corpora",
    "EncodedField": "encoded",
    "ExampleSet": "examples",
    "Part": "examples",
    "Prefetcher": "prefetcher",
    "Ragged": "ragged",
    "Sequential": "sequential",
    "TextCorpus": "text_corpus",
    "WordPiece": "tokenizers",
    "build_tokenizer": "tokenizers",
    "build_view": "views",
    "encode_corpus": "encoded",
    "everyday": "everyday",
    "german_english": "generated",
    "learn_wordpiece": "tokenizers",
    "open_corpus": "corpora",
    "source_hashes": "corpora",
    "write_text_corpus": "text_corpus",
}
__all__ = sorted(_PLACES)


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_PLACES])
