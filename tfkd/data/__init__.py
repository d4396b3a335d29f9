"""Text to batches: corpora, tokenizers, ids on the disk, views, the batch plan."""

from tfkd.lazy import lazy

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
__getattr__, __dir__, __all__ = lazy(__name__, _PLACES)
