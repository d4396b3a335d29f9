"""Students and teachers of LightPAFF's three families as modules to save, for bench_families."""

import argparse
from collections.abc import Callable
from typing import Any

BEAM = 5
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TEACHER, STUDENT = ROLES = "teacher", "student"
VOCABULARIES = {"BERT": 30_522, "GPT-2": 50_257, "MASS": 32_000}
SIZES = {
    "BERT": {
        TEACHER: {"layers": 12, "width": 768, "heads": 12},
        STUDENT: {"layers": 3, "width": 512, "heads": 8},
    },
    "GPT-2": {
        TEACHER: {"layers": 24, "width": 1024, "heads": 16},
        STUDENT: {"layers": 4, "width": 768, "heads": 12},
    },
    "MASS": {
        TEACHER: {"encoder_layers": 6, "decoder_layers": 6, "width": 1024, "heads": 16},
        STUDENT: {
            "encoder_layers": 6, "decoder_layers": 4, "width": 512, "heads": 8,
            "feed_forward": 1024,
        },
    },
}  # fmt: skip
FAMILIES = {"classify": "BERT", "score": "GPT-2", "continue": "GPT-2", "translate": "MASS"}
# Functions without arguments by name, of each kind of work.
Parts = dict[str, dict[str, Callable[[], Any]]]


def size_of(family: str, role: str, small: bool) -> tuple[int, dict[str, int]]:
    """Vocabulary and sizes of a model; a sixteenth of each width to try the tool."""
    sizes = SIZES[family][role]
    if not small:
        return VOCABULARIES[family], sizes
    return 400, {
        name: max(1, value // 4) if "layers" in name else value // (1 if name == "heads" else 16)
        for name, value in sizes.items()
    }


def tokenizer_of(vocabulary: int) -> Any:
    from tfkd.data.tokenizers import WordPiece

    words = [f"w{number}" for number in range(vocabulary - len(SPECIALS))]
    return WordPiece(SPECIALS + words, lower_case=False)


def made(options: argparse.Namespace) -> tuple[Any, Parts]:
    """A module to save, and what its work consists of."""
    vocabulary, sizes = size_of(options.family, options.role, options.small)
    makers = {"BERT": classifier, "GPT-2": language_model, "MASS": translator}
    return makers[options.family](vocabulary, sizes, tokenizer_of(vocabulary), options)


def classifier(
    vocabulary: int, sizes: dict, tokenizer: Any, options: argparse.Namespace
) -> tuple[Any, Parts]:
    import tensorflow as tf

    from tfkd.models import Bert
    from tfkd.serving.graphs.served_classifier import ServedClassifier

    model = Bert(vocabulary, **sizes, output_heads={"classifier": {"classes": 2}})
    length = options.text
    served = ServedClassifier(model, tokenizer, ["negative", "positive"], ["text"], length)
    record = {"ids": tf.fill([1, length], 7), "valid": tf.ones([1, length], tf.bool)}
    parts = {f"states of {length} tokens": lambda: model(record)["hidden"]}
    return served, {"classify": parts}


def language_model(
    vocabulary: int, sizes: dict, tokenizer: Any, options: argparse.Namespace
) -> tuple[Any, Parts]:
    import tensorflow as tf

    from tfkd.decoding import GreedySearch
    from tfkd.models import Gpt2
    from tfkd.objectives.prediction import top_k_log_probabilities
    from tfkd.serving.graphs.served_language_model import ServedLanguageModel

    model = Gpt2(vocabulary, **sizes)
    never_ending(model.embedding.tokens.table, tokenizer.end_id)
    head, length = model.head, options.scored

    # AutoGraph does not know names of this function that stand in annotations alone.
    def states(ids: Any) -> Any:
        return model({"ids": ids})["hidden"][:, :-1]

    def scores(hidden: Any, gold: Any) -> Any:
        flat = tf.ensure_shape(
            head.transform(tf.reshape(hidden, [-1, head.width])), [None, head.width]
        )
        found = top_k_log_probabilities(flat, head.matrix(), head.bias(), 0, tf.reshape(gold, [-1]))
        return found.gold_log_probability

    class Scored(ServedLanguageModel):
        """With a signature that gives the log-probability of each token from its left."""

        def signatures(self) -> dict[str, Any]:
            @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32, name="prompt_ids")])
            def score(prompt_ids: Any) -> dict[str, Any]:
                return {"log_probabilities": scores(states(prompt_ids), prompt_ids[:, 1:])}

            return {"ids": super().signatures()["ids"], "score": score}

    served = Scored(model, tokenizer, GreedySearch(max_length=options.written))
    text = tf.fill([1, length], 7)
    hidden = states(text)
    prompt = {"ids": tf.fill([1, options.prompt], 7)}
    state = model.start(prompt)
    return served, {
        "score": {
            f"states of {length} tokens": lambda: states(text),
            f"log-probabilities among {vocabulary:,} words": lambda: scores(hidden, text[:, 1:]),
        },
        "continue": {
            f"prompt of {options.prompt} tokens": lambda: model.start(prompt),
            f"one of {options.written} steps": lambda: model.step(tf.fill([1], 7), state, 0)[0],
        },
    }


def translator(
    vocabulary: int, sizes: dict, tokenizer: Any, options: argparse.Namespace
) -> tuple[Any, Parts]:
    import tensorflow as tf

    from tfkd.decoding import BeamSearch
    from tfkd.models import Transformer
    from tfkd.serving.graphs.served_model import ServedModel

    class Ids(ServedModel):
        """The signature of ids alone: one graph of a search is enough."""

        def signatures(self) -> dict[str, Any]:
            return {"ids": super().signatures()["ids"]}

    model = Transformer(vocabulary, **sizes, activation="gelu", positions="learned")
    never_ending(model.head.own_bias, tokenizer.end_id, -50.0)
    length = options.source
    served = Ids(model, tokenizer, tokenizer, BeamSearch(beam=BEAM, max_length=length))
    source = {"ids": tf.fill([1, length + 1], 7), "valid": tf.ones([1, length + 1], tf.bool)}
    state = tf.nest.map_structure(lambda x: tf.repeat(x, BEAM, 0), model.start(source))
    ids = tf.fill([BEAM], 7)
    parts = {
        f"encoder of {length} tokens": lambda: model.start(source),
        f"one of {length + 1} steps of {BEAM} rows": lambda: model.step(ids, state, 0)[0],
    }
    return served, {"translate": parts}


def never_ending(weight: Any, end: int, value: float = 0.0) -> None:
    """Puts a value into the end's row: of a tied matrix 0, far below the best of many logits."""
    array = weight.value.numpy()
    array[end] = value
    weight.assign(array)
