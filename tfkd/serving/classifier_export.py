"""Writes a classifier's SavedModel that answers as the model does, or none at all."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfkd.serving.checking import run_fresh
from tfkd.serving.export import Checked, ExportRefusedError, write_version
from tfkd.serving.graphs.full_precision import in_float32
from tfkd.serving.graphs.served_classifier import MARK, OF_IDS, ServedClassifier
from tfkd.serving.model_card import BESIDE, whole_card

# Probabilities of float32 in two orders of summation.
TOLERANCE = 1e-4
_SHOWN = 5
_USE = """\
Signature `serving_default`: {inputs}, gives `labels`, strings `[batch]`, and `probabilities`,
float32 `[batch, {count}]`, in the order of the classes below, which signature `classes` gives too.
Signature `ids`: {ids}, gives the same. {beside}
- A text (or both of a pair together) of more than {limit} tokens is cut{window}.
- Characters that the vocabulary lacks are read as an unknown piece; bytes that are not UTF-8 are
  read as U+FFFD.

## Classes

{classes}
"""
_SHOWS = 'answer["labels"][0].numpy().decode(), answer["probabilities"][0].numpy()'
_SAID_OF_IDS = {
    "text": "`text_ids`, int32 `[batch, length]`, bare ids padded with {pad}",
    "text_b": "`text_b_ids`, the same of the second",
    MARK: "`mark_piece`, int32 `[batch]`, the place of the piece that the mark begins, from 0",
}
_SAID = {
    "text": "`text`, strings `[batch]`",
    "text_b": "`text_b`, strings `[batch]`, the second of the pair",
    MARK: "`mark`, int32 `[batch]`, the place of the marked character in the text, from 0",
}


def export_classifier(
    model: Any,
    tokenizer: Any,
    names: Sequence[str],
    folder: str | Path,
    card: Mapping[str, Any],
    *,
    rows: Mapping[str, Sequence[Any]],
    expected: np.ndarray,
    limit: int,
    version: int = 1,
    more_ops: Collection[str] | None = (),
) -> dict[str, Any]:
    """Writes `folder/VERSION/` as `export_saved_model` does.

    It is run in a fresh process on `rows`, and must give the probabilities `expected` to 1e-4, all
    rows at once and the first ones alone, and label each row by its largest.

    Args:
        model: A model with a head over classes.
        tokenizer: Of its texts.
        names: The classes in the order of their ids.
        folder: The folder of versions.
        card: For the model card, see `tfkd.serving.model_card`.
        rows: Real rows by the names of inputs: `text`, and `text_b` or `mark`.
        expected: float `[rows, classes]`: the probabilities of the float32 model, as it was
            trained and evaluated.
        limit: The most tokens of a sequence.
        version: The version's number.
        more_ops: TensorFlow ops that the server at hand has beside the known ones; None: any.

    Raises:
        ExportRefusedError: The SavedModel answers otherwise.
    """
    model = in_float32(model)
    served = ServedClassifier(model, tokenizer, names, list(rows), limit)

    def checked(part: Path, final: Path) -> Checked:
        request = {
            "rows": {name: list(values) for name, values in rows.items()},
            "ids": rows_of_ids(tokenizer, rows),
            "pad_id": int(tokenizer.pad_id),
        }
        said = run_fresh(part, request)
        largest = _refuse_differences(final, said, rows, expected, names)
        count = len(expected)
        check = (
            f"Before it was put here, this SavedModel answered {count} rows in a fresh process "
            "with tensorflow and tensorflow_text alone as the float32 model does: probabilities "
            f"to {largest:.1g}."
        )
        answer = {name: said[name][0] for name in ("labels", "probabilities")}
        text = _card(card, rows, answer, names, limit, int(tokenizer.pad_id), check, str(version))
        timed = {"latency": said["latency"]} if "latency" in said else {}
        return text, {"rows": count, "largest_difference": largest, **timed}

    return write_version(
        served,
        folder,
        checked,
        tokenizers={"text": tokenizer},
        version=version,
        more_ops=more_ops,
    )


def rows_of_ids(tokenizer: Any, rows: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """What the signature `ids` takes in place of rows: bare ids, and of a mark the piece that it
    begins, before which the text is cut."""

    def ids(texts: Sequence[str]) -> list[list[int]]:
        found = tokenizer.encode(list(texts))
        return [found.row(i).tolist() for i in range(len(found))]

    marks, texts = rows.get(MARK), rows["text"]
    if marks is None:
        return {OF_IDS[name]: ids(values) for name, values in rows.items()}
    pairs = list(zip(texts, marks, strict=True))
    before, rest = ids([text[:at] for text, at in pairs]), ids([text[at:] for text, at in pairs])
    return {
        OF_IDS["text"]: [a + b for a, b in zip(before, rest, strict=True)],
        OF_IDS[MARK]: [len(one) for one in before],
    }


def _refuse_differences(
    final: Path,
    said: dict[str, Any],
    rows: Mapping[str, Sequence[Any]],
    expected: np.ndarray,
    names: Sequence[str],
) -> float:
    """The largest difference of two probabilities."""
    if not len(expected):
        raise ExportRefusedError(f"{final}: export refused: no row to check it on")
    if said["classes"] != list(names):
        raise ExportRefusedError(f"{final}: export refused: its classes are {said['classes'][:5]}")
    served = np.array(said["probabilities"])
    gaps = np.abs(served - expected).max(1)
    gaps = np.maximum(gaps, np.abs(np.array(said["by_ids"]["probabilities"]) - expected).max(1))
    for i, alone in enumerate(said["alone"]):
        gaps[i] = max(gaps[i], np.abs(np.array(alone["probabilities"][0]) - expected[i]).max())
    labels = [names[at] for at in served.argmax(1)]
    wrong = [
        i for i, gap in enumerate(gaps) if not gap <= TOLERANCE or said["labels"][i] != labels[i]
    ]
    if wrong:
        shown = "\n".join(
            f"{ {name: values[i] for name, values in rows.items()}!r}: "
            f"SavedModel {said['labels'][i]!r} {served[i].max():.5f}, model "
            f"{names[expected[i].argmax()]!r} {expected[i].max():.5f}"
            for i in wrong[:_SHOWN]
        )
        raise ExportRefusedError(
            f"{final}: export refused: the SavedModel answers {len(wrong)} of {len(expected)} rows "
            f"otherwise than the model:\n{shown}"
        )
    return float(gaps.max())


def _card(
    card: Mapping[str, Any],
    rows: Mapping[str, Sequence[Any]],
    answer: Mapping[str, Any],
    names: Sequence[str],
    limit: int,
    pad: int,
    check: str,
    folder: str,
) -> str:
    use = _USE.format(
        inputs="; ".join(_SAID[key] for key in rows),
        beside=BESIDE,
        ids="; ".join(_SAID_OF_IDS[key].format(pad=pad) for key in rows),
        count=len(names),
        limit=limit,
        window=" around its mark" if MARK in rows else " at the end of the longer",
        classes="\n".join(f"- {one}" for one in names),
    )
    first = {
        key: value.item() if isinstance(value, np.generic) else value
        for key, (value, *_) in rows.items()
    }
    return whole_card(card, first, answer, _SHOWS, use, check, folder)


def export_tags(
    served: Any,
    folder: str | Path,
    card: Mapping[str, Any],
    *,
    lines: Sequence[str],
    expected: Sequence[str],
    use: str,
) -> dict[str, Any]:
    """Writes `folder/1/` as `export_saved_model` does, of a model with several labels a text.

    Args:
        served: The module, with `weights` and `signatures()`, of which `serving_default` has
            `text`, strings `[batch]`, and gives `labels`, strings `[batch]`.
        folder: The folder of versions.
        card: For the model card, see `tfkd.serving.model_card`.
        lines: Real texts.
        expected: The labels of each, with spaces between, as the float32 model gives them.
        use: What the card says of the signature.

    Raises:
        ExportRefusedError: The SavedModel answers otherwise.
    """

    def checked(part: Path, final: Path) -> Checked:
        said = run_fresh(part, {"rows": {"text": list(lines)}})
        alone = [one["labels"][0] for one in said["alone"]]
        pairs = zip([*said["labels"], *alone], [*expected, *expected[: len(alone)]], strict=True)
        if wrong := [f"{got!r}, and the model {right!r}" for got, right in pairs if got != right]:
            raise RuntimeError("\n".join([f"{len(wrong)} answers differ:", *wrong[:_SHOWN]]))
        check = (
            f"Before it was put here, this SavedModel answered {len(lines)} rows in a fresh "
            "process with tensorflow and tensorflow_text alone as the float32 model does."
        )
        shown = 'answer["labels"][0].numpy().decode()'
        timed = {"latency": said["latency"]} if "latency" in said else {}
        answer = {"labels": said["labels"][0]}
        text = whole_card(card, {"text": lines[0]}, answer, shown, use, check, "1")
        return text, {"rows": len(lines), **timed}

    return write_version(served, folder, checked, more_ops=None)
