"""Text to batches: corpora, tokenizers, ids on the disk, views, the batch plan."""

from tfkd.lazy import lazy

_PLACES = {
    "BatchPlan": "batches.batch_plan",
    "Batcher": "batches.batcher",
    "Corpus": "text.corpora",
    "EncodedField": "encoded",
    "ExampleSet": "examples",
    "Part": "examples",
    "Prefetcher": "batches.prefetcher",
    "Ragged": "ragged",
    "Sequential": "batches.sequential",
    "TextCorpus": "text.text_corpus",
    "WordPiece": "tokenizers",
    "build_tokenizer": "tokenizers",
    "build_view": "views",
    "encode_corpus": "encoded",
    "everyday": "grammars.everyday",
    "german_english": "grammars.generated",
    "learn_wordpiece": "tokenizers",
    "open_corpus": "text.corpora",
    "source_hashes": "text.corpora",
    "write_text_corpus": "text.text_corpus",
}
__getattr__, __dir__, __all__ = lazy(__name__, _PLACES)
