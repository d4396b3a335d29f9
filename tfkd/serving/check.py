"""Runs a SavedModel in a process that has nothing but tensorflow and tensorflow_text.

    python -m tfkd.serving.check FOLDER REQUEST RESULT

REQUEST is a JSON file `{"text": [...], "source_ids": [[...], ...], "pad_id": 0}`; RESULT gets both
signatures' answers. Of a classifier it is `{"rows": {INPUT: [...]}}`, and RESULT gets its labels,
probabilities and classes. Of a language model it is `{"prompts": [...], "prompt_ids": [[...], ...],
"pad_id": 0}`, and RESULT gets what it writes. A model that needs any other part of tfkd, or
keras_hub, cannot be loaded here.
"""

import importlib.abc
import json
import sys
from pathlib import Path
from typing import Any

_FORBIDDEN = ("keras_hub", "keras_nlp", "torch", "safetensors", "matplotlib")


class _Refuse(importlib.abc.MetaPathFinder):
    """Refuses to import what a server does not have."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.split(".")[0] in _FORBIDDEN or name.startswith("tfkd."):
            raise ModuleNotFoundError(f"a SavedModel must not need {name}", name=name)


def answer(folder: str, request: dict[str, Any]) -> dict[str, Any]:
    """Asks both signatures: all lines in one call, then each line of the first few alone."""
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  (registers the tokenizers' ops)

    signatures = tf.saved_model.load(folder).signatures
    text = signatures["serving_default"](text=tf.constant(request["text"], tf.string))
    rows = request["source_ids"]
    width = max([len(row) for row in rows], default=0)
    padded = [[*row, *([request["pad_id"]] * (width - len(row)))] for row in rows]
    source_ids = tf.reshape(tf.constant(padded, tf.int32), [len(rows), width])
    ids = signatures["ids"](source_ids=source_ids)
    alone = [
        signatures["serving_default"](text=tf.constant([line])) for line in request["text"][:4]
    ]
    found = {
        "outputs": [line.decode("utf-8") for line in text["outputs"].numpy()],
        "scores": text["scores"].numpy().tolist(),
        "output_ids": [
            row[:length].tolist()
            for row, length in zip(
                ids["output_ids"].numpy(), ids["output_lengths"].numpy(), strict=True
            )
        ],
        "id_scores": ids["scores"].numpy().tolist(),
        "alone": [
            [each["outputs"].numpy()[0].decode("utf-8"), float(each["scores"].numpy()[0])]
            for each in alone
        ],
        "tensorflow": tf.__version__,
    }
    if request.get("options"):
        given = {name: tf.constant(value, tf.int32) for name, value in request["options"].items()}
        chosen = signatures["with_options"](text=tf.constant(request["text"], tf.string), **given)
        found["with_options"] = [
            [line.decode("utf-8"), float(score)]
            for line, score in zip(chosen["outputs"].numpy(), chosen["scores"].numpy(), strict=True)
        ]
    return found


def classify(folder: str, request: dict[str, Any]) -> dict[str, Any]:
    """Asks a classifier: all rows in one call, then each of the first few alone."""
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  (registers the tokenizers' ops)

    signatures = tf.saved_model.load(folder).signatures

    def ask(rows: dict[str, list[Any]]) -> dict[str, Any]:
        given = {
            name: tf.constant(values, tf.int32 if name == "mark" else tf.string)
            for name, values in rows.items()
        }
        said = signatures["serving_default"](**given)
        return {
            "labels": [label.decode("utf-8") for label in said["labels"].numpy()],
            "probabilities": said["probabilities"].numpy().tolist(),
        }

    rows = request["rows"]
    count = min(4, len(next(iter(rows.values()))))
    return {
        **ask(rows),
        "alone": [
            ask({name: values[i : i + 1] for name, values in rows.items()}) for i in range(count)
        ],
        "classes": [name.decode("utf-8") for name in signatures["classes"]()["classes"].numpy()],
        "tensorflow": tf.__version__,
    }


def go_on(folder: str, request: dict[str, Any]) -> dict[str, Any]:
    """Asks a language model: all prompts in one call, then the first few alone, each time as text
    and as ids; where it samples, also with its own seed given by the caller."""
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  (registers the tokenizer's ops)

    signatures = tf.saved_model.load(folder).signatures

    def ask(first: int, count: int) -> list[dict[str, Any]]:
        rows = request["prompt_ids"][first : first + count]
        width = max([len(row) for row in rows], default=0)
        padded = [[*row, *([request["pad_id"]] * (width - len(row)))] for row in rows]
        text = tf.constant(request["prompts"][first : first + count], tf.string)
        said = signatures["serving_default"](text=text)
        ids = signatures["ids"](
            prompt_ids=tf.reshape(tf.constant(padded, tf.int32), [len(rows), width]),
            prompt_lengths=tf.constant([len(row) for row in rows], tf.int32),
        )
        found = [
            {
                "text": said["outputs"].numpy()[row].decode("utf-8"),
                "score": float(said["scores"][row]),
                "ended": bool(said["ended"][row]),
                "ids": ids["output_ids"].numpy()[row, : int(ids["output_lengths"][row])].tolist(),
                "id_score": float(ids["scores"][row]),
                "id_ended": bool(ids["ended"][row]),
            }
            for row in range(len(rows))
        ]
        if "options" in signatures:
            chosen = signatures["with_options"](text=text, **signatures["options"]())
            for one, output in zip(found, chosen["outputs"].numpy(), strict=True):
                one["with_options"] = output.decode("utf-8")
        return found

    count = len(request["prompts"])
    return {
        "together": ask(0, count),
        "alone": [ask(row, 1)[0] for row in range(min(4, count))],
        "tensorflow": tf.__version__,
    }


def main(arguments: list[str]) -> None:
    """Reads the request, answers it and writes the result."""
    folder, request, result = arguments
    sys.meta_path.insert(0, _Refuse())
    asked = json.loads(Path(request).read_text("utf-8"))
    asks = classify if "rows" in asked else go_on if "prompts" in asked else answer
    answers = asks(folder, asked)
    Path(result).write_text(json.dumps(answers), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
