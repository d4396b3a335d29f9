"""Runs a SavedModel in a process that has nothing but tensorflow and tensorflow_text.

    python -m tfkd.serving.check FOLDER REQUEST RESULT

REQUEST is a JSON file `{"text": [...], "source_ids": [[...], ...], "pad_id": 0}`; RESULT gets both
signatures' answers; that of ids is asked of the SavedModel of ids, before tensorflow_text is there.
Of a classifier it is `{"rows": {INPUT: [...]}, "ids": {INPUT: [...]}, "pad_id": 0}`, and RESULT
gets its labels, probabilities and classes. Of a language model it is `{"prompts": [...],
"prompt_ids": [[...], ...], "pad_id": 0}`, and RESULT gets what it writes. With `"latency": true`
RESULT also gets how long one line takes. A model that needs any other part of tfkd, or keras_hub,
cannot be loaded here.
"""

import importlib.abc
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# How long a line takes is measured on so many of them, so often, and no longer than so.
_TIMED, _ROUNDS, _MOST_SECONDS = 12, 3, 2.0
_FORBIDDEN = ("keras_hub", "keras_nlp", "torch", "safetensors", "matplotlib")


class _Refuse(importlib.abc.MetaPathFinder):
    """Refuses to import what a server does not have."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.split(".")[0] in _FORBIDDEN or name.startswith("tfkd."):
            raise ModuleNotFoundError(f"a SavedModel must not need {name}", name=name)


def latency(ask: Callable[[int], Any], count: int) -> dict[str, Any]:
    """Milliseconds of a call with one line: of each line's median over 3 rounds, after a call that
    warms up, the median, the least and the greatest. Fewer lines are timed where they take long.

    Args:
        ask: Called with a line's place; returns when the answer is there.
        count: The number of lines, at least 1.
    """
    begun, found = time.perf_counter(), []
    for place in range(min(count, _TIMED)):
        ask(place)
        times = []
        for _ in range(_ROUNDS):
            start = time.perf_counter()
            ask(place)
            times.append(1000 * (time.perf_counter() - start))
            if time.perf_counter() - begun > _MOST_SECONDS:
                break
        if found and len(times) < _ROUNDS:
            break
        found.append(statistics.median(times))
        if time.perf_counter() - begun > _MOST_SECONDS:
            break
    return {
        "milliseconds": round(statistics.median(found), 3),
        "low": round(min(found), 3),
        "high": round(max(found), 3),
        "lines": len(found),
    }


def answer(folder: str, request: dict[str, Any]) -> dict[str, Any]:
    """Asks both signatures: all lines in one call, then each line of the first few alone."""
    import tensorflow as tf

    ids = _of_ids(folder)(source_ids=_padded(request["source_ids"], request["pad_id"]))
    import tensorflow_text  # noqa: F401  (registers the tokenizers' ops)

    signatures = tf.saved_model.load(folder).signatures
    text = signatures["serving_default"](text=tf.constant(request["text"], tf.string))
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
    if request.get("latency") and request["text"]:
        lines = [tf.constant([line]) for line in request["text"][:_TIMED]]
        serve = signatures["serving_default"]
        found["latency"] = latency(lambda i: serve(text=lines[i])["outputs"].numpy(), len(lines))
    return found


def _of_ids(folder: str) -> Any:
    """What the SavedModel of ids answers by; to be called before tensorflow_text is imported."""
    import tensorflow as tf

    loaded = tf.saved_model.load(f"{folder}/ids")
    # By way of the object, which owns the variables.
    return lambda **given: loaded.signatures["serving_default"](**given)


def _padded(rows: list[list[int]], pad: int) -> Any:
    """int32 `[rows, width]`."""
    import tensorflow as tf

    width = max([len(row) for row in rows], default=0)
    padded = [[*row, *([pad] * (width - len(row)))] for row in rows]
    return tf.reshape(tf.constant(padded, tf.int32), [len(rows), width])


def classify(folder: str, request: dict[str, Any]) -> dict[str, Any]:
    """Asks a classifier: all rows in one call, then each of the first few alone."""
    import tensorflow as tf

    by_ids = {}
    if "ids" in request:
        given = {
            name: tf.constant(values, tf.int32)
            if name == "mark_piece"
            else _padded(values, request["pad_id"])
            for name, values in request["ids"].items()
        }
        said = _of_ids(folder)(**given)
        by_ids = {"by_ids": {name: _plain(value.numpy()) for name, value in said.items()}}
    import tensorflow_text  # noqa: F401  (registers the tokenizers' ops)

    signatures = tf.saved_model.load(folder).signatures

    def ask(rows: dict[str, list[Any]]) -> dict[str, Any]:
        given = {
            name: tf.constant(values, tf.int32 if name == "mark" else tf.string)
            for name, values in rows.items()
        }
        said = signatures["serving_default"](**given)
        return {name: _plain(value.numpy()) for name, value in said.items()}

    rows = request["rows"]
    given = len(next(iter(rows.values())))
    count = min(4, given)
    found = {
        **ask(rows),
        **by_ids,
        "alone": [
            ask({name: values[i : i + 1] for name, values in rows.items()}) for i in range(count)
        ],
        "tensorflow": tf.__version__,
    }
    if "classes" in signatures:
        found["classes"] = _plain(signatures["classes"]()["classes"].numpy())
    if request.get("latency") and given:
        one = [{name: values[i : i + 1] for name, values in rows.items()} for i in range(given)]
        found["latency"] = latency(lambda i: ask(one[i]), given)
    return found


def _plain(values: Any) -> list[Any]:
    """An array as JSON has it."""
    texts = values.dtype == object
    return [value.decode("utf-8") for value in values] if texts else values.tolist()


def go_on(folder: str, request: dict[str, Any]) -> dict[str, Any]:
    """Asks a language model: all prompts in one call, then the first few alone, each time as text
    and as ids; where it samples, also with its own seed given by the caller."""
    import tensorflow as tf

    of_ids = _of_ids(folder)
    import tensorflow_text  # noqa: F401  (registers the tokenizer's ops)

    signatures = tf.saved_model.load(folder).signatures

    def ask(first: int, count: int) -> list[dict[str, Any]]:
        rows = request["prompt_ids"][first : first + count]
        text = tf.constant(request["prompts"][first : first + count], tf.string)
        said = signatures["serving_default"](text=text)
        ids = of_ids(
            prompt_ids=_padded(rows, request["pad_id"]),
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
    answers = {
        "together": ask(0, count),
        "alone": [ask(row, 1)[0] for row in range(min(4, count))],
        "tensorflow": tf.__version__,
    }
    if request.get("latency") and count:
        lines = [tf.constant([line], tf.string) for line in request["prompts"][:_TIMED]]
        serve = signatures["serving_default"]
        answers["latency"] = latency(lambda i: serve(text=lines[i])["outputs"].numpy(), len(lines))
    return answers


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
