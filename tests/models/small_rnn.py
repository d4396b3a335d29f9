"""A small RNN encoder-decoder of each kind."""

from tfkd.models import Rnn

KINDS = {
    "base": {},
    "one_way": {"bidirectional": False, "layers": 1},
    "two_vocabularies": {"share_embeddings": "target", "source_vocabulary_size": 30},
    "untied": {"share_embeddings": "none", "output_bias": False, "layers": 3},
}


def build(kind="base", **options):
    return Rnn(20, **{"layers": 2, "width": 8, "dropout": 0.0, **KINDS[kind], **options})
