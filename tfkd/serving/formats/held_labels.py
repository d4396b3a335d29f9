"""Holds an engine that labels texts against its float32 model."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfkd.serving.check import latency
from tfkd.serving.check_result import ExportRefusedError
from tfkd.serving.formats.format import Held, Subject
from tfkd.serving.formats.piece import HEAD
from tfkd.serving.loading.line_fields import MARK, has_text

# Nats that a log-probability may differ by from the float32 model's: the most of any, and the mean
# over all.
TOLERANCE = {"float32": (1e-3, 1e-4), "int8": (1.0, 0.1)}
# The share of a row's states, by their norms, that an encoder's may differ by.
STATES = {"float32": 1e-3, "int8": 0.2}
# What is less likely counts as this.
_LEAST = 1e-3
# The share of rows that an exported tokenizer may cut otherwise; one row always may be.
OTHERWISE = 0.05
_SHOWN = 4
_READ = ("ids", "types", "valid", "selected")


def held_labels(
    subject: Subject, engine: Any, quantize: str, tolerance: tuple[float, float]
) -> Held:
    """What an engine says of real rows beside what its model does.

    Of each row of the record the model, in float32 and row by row, says how likely each class is at
    each label, and so does the engine, all rows at once and the first of them alone. These
    log-probabilities, where those below 1/1000 count as 1/1000, may differ by the
    tolerance. Of an encoder the states of each row are compared, too: ||theirs - ours|| / ||ours||.
    The engine reads the same rows from their texts by the exported tokenizer; where the task alone
    knows how a row is read, the tokens of its texts are compared.

    Args:
        subject: The model with `labels`.
        engine: With `log_probabilities`, `record` and `answers`; see `LabelEngine`.
        quantize: The type of its weights: states of an encoder may differ by its tolerance.
        tolerance: Nats that log-probabilities may differ by: the most, and the mean.

    Raises:
        ExportRefusedError: It is otherwise, or there is no row with a label to hold it on; or the
            exported tokenizer cuts more than one row and more than 5 % of them otherwise.
    """
    labels = subject.labels
    rows = [row for row in range(len(labels.rows)) if labels.record["selected"][row].any()]
    if not rows:
        raise ExportRefusedError("export refused: no row with a label to check it on")
    expected, states = own_outputs(subject.model, labels.record, rows, labels.head)
    theirs = engine.log_probabilities({name: labels.record[name][rows] for name in _READ})
    alone = engine.log_probabilities(_alone(labels.record, rows[0]))
    gaps = np.abs(floored(theirs) - floored(expected))
    largest = float(max(gaps.max(), np.abs(floored(alone) - floored(theirs[: len(alone)])).max()))
    average = float(gaps[likely(theirs) | likely(expected)].mean())
    most, mean = tolerance
    if not (largest <= most and average <= mean):
        raise ExportRefusedError(
            "export refused: its log-probabilities are not the model's: they differ by up to "
            f"{largest:.3g} nats, by {average:.3g} on average, and {most:g} and {mean:g} are "
            "tolerated"
        )
    encodes = labels.head != HEAD
    apart = _states_apart(labels, engine, rows, states, quantize) if encodes else None
    otherwise = _read_otherwise(subject, engine)
    equal = int((theirs.argmax(1) == expected.argmax(1)).sum())
    example, timed = _example(labels, engine)
    unit = "labels" if len(expected) > len(rows) else "rows"
    return Held(
        {
            "rows": len(rows),
            "largest_difference": largest,
            "mean_difference": average,
            "labels": len(expected),
            "equal_labels": equal,
            "tokenised_otherwise": otherwise,
            **({} if apart is None else {"states_difference": apart}),
        },
        f"Before it was put here, it read {len(rows)} rows beside the float32 model: "
        f"log-probabilities of {'classes' if labels.head == HEAD else 'words'}, those below "
        f"1/1000 counted as that, differ by up to {largest:.1g} nats, by {average:.1g} on "
        f"average, and of {len(expected)} {unit} {equal} have the model's."
        + ("" if apart is None else f" Its states differ by up to {apart:.1g} of their size.")
        + (f" Its tokenizer reads {otherwise} of the rows otherwise." if otherwise else ""),
        example,
        timed,
    )  # fmt: skip


def own_outputs(
    model: Any, record: Mapping[str, Any], rows: Sequence[int], head: str
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The float32 model's, row by row and without padding: log-probabilities, float64
    `[labels, classes]`, and the states of each row, float32 `[length, width]`."""
    import tensorflow as tf

    from tfkd.serving.graphs.full_precision import in_float32

    model = in_float32(model)
    row = tf.TensorSpec([1, None], tf.int32)

    @tf.function(input_signature=[row, row, tf.TensorSpec([None], tf.int32)], autograph=False)
    def computed(ids: tf.Tensor, types: tf.Tensor, places: tf.Tensor) -> tuple[Any, Any]:
        valid = tf.ones_like(ids, tf.bool)
        states = model({"ids": ids, "types": types, "valid": valid}, training=False)
        hidden = states["hidden"][0]
        return model.heads[head].logits(tf.gather(hidden, places)), hidden

    found, states = [], []
    for row in rows:
        width = int(record["valid"][row].sum())
        ids, types = (record[name][row : row + 1, :width] for name in ("ids", "types"))
        places = np.flatnonzero(record["selected"][row]).astype(np.int32)
        logits, hidden = computed(ids, types, places)
        found.append(logits.numpy().astype(np.float64))
        states.append(hidden.numpy())
    said = np.concatenate(found)
    said -= said.max(1, keepdims=True)
    return said - np.log(np.exp(said).sum(1, keepdims=True)), states


def _states_apart(
    labels: Any, engine: Any, rows: Sequence[int], ours: Sequence[np.ndarray], quantize: str
) -> float:
    """The most that a row's states differ by, as a share of the model's.

    Raises:
        ExportRefusedError: That is too much.
    """
    found = []
    for row, own in zip(rows, ours, strict=True):
        theirs = engine.states(_alone(labels.record, row))
        # A row of other shape, or of what is no number, is no row of states.
        apart = np.linalg.norm(theirs - own) if theirs.shape == own.shape else np.inf
        found.append(float(apart / max(np.linalg.norm(own), 1e-9)))
    worst = float(np.max(found))
    if not worst <= STATES[quantize]:
        raise ExportRefusedError(
            f"export refused: its states, hidden, are not the model's: they differ by up to "
            f"{worst:.3g} of their size, and {STATES[quantize]:g} is tolerated"
        )
    return worst


def _alone(record: Mapping[str, Any], row: int) -> dict[str, np.ndarray]:
    width = int(record["valid"][row].sum())
    return {name: record[name][row : row + 1, :width] for name in _READ}


def floored(log_probabilities: np.ndarray) -> np.ndarray:
    """What is compared: nothing is less likely than 1/1000."""
    return np.maximum(log_probabilities.astype(np.float64), np.log(_LEAST))


def likely(log_probabilities: np.ndarray) -> np.ndarray:
    """Where a log-probability is above that: bool."""
    return log_probabilities > np.log(_LEAST)


def _read_otherwise(subject: Subject, engine: Any) -> int:
    """How many rows the engine reads otherwise than the model: as they are read for the model, or
    the tokens of their texts where the task alone knows how.

    Raises:
        ExportRefusedError: There are too many.
    """
    labels = subject.labels
    if labels.places is None:
        ours, theirs = (
            _tokens(one, labels.rows) for one in (subject.tokenizers["text"], engine.tokenizer)
        )
        wrong = [row for row in range(len(ours)) if ours[row] != theirs[row]]
    else:
        found = engine.record(labels.rows)
        wrong = [row for row in range(len(labels.rows)) if not _same(labels.record, found, row)]
    if len(wrong) > max(1, OTHERWISE * len(labels.rows)):
        row = wrong[0]
        if labels.places is None:
            shown = theirs[row], ours[row]
        else:
            shown = _shown(found, row), _shown(labels.record, row)
        raise ExportRefusedError(
            f"export refused: its tokenizer reads {len(wrong)} of {len(labels.rows)} rows "
            f"otherwise than the model's, and {OTHERWISE:.0%} are tolerated: "
            f"{labels.rows[row]!r} as {shown[0]}, and not as {shown[1]}"
        )
    return len(wrong)


def _tokens(tokenizer: Any, rows: Sequence[Mapping[str, Any]]) -> list[list[list[int]]]:
    """The bare ids of each text of each row."""
    names = [name for name in rows[0] if name != MARK]
    read = [tokenizer.encode([row[name] for row in rows]) for name in names]
    return [[one.row(at).tolist() for one in read] for at in range(len(rows))]


def _same(first: Mapping[str, Any], second: Mapping[str, Any], row: int) -> bool:
    widths = [int(one["valid"][row].sum()) for one in (first, second)]
    return widths[0] == widths[1] and all(
        np.array_equal(first[name][row, : widths[0]], second[name][row, : widths[0]])
        for name in _READ
    )


def _shown(record: Mapping[str, Any], row: int) -> list[int]:
    return record["ids"][row][record["valid"][row]].tolist()


def _example(labels: Any, engine: Any) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """A line and its answer, and how long one takes; of an encoder a line and the first numbers
    that its card's program prints; nothing where the task alone reads lines."""
    if labels.head != HEAD:
        text = next((row["text"] for row in labels.rows if has_text(row)), "")
        mean = engine.states(engine.whole(text)).mean(0)
        shown = ", ".join(f"{one:.3f}" for one in mean[:_SHOWN])
        return {"text": text, "outputs": f"[{shown}{', ...' * (len(mean) > _SHOWN)}]"}, None
    if labels.places is None:
        return {}, None
    rows = [row for row in labels.rows if has_text(row)] or list(labels.rows)
    line = "\t".join(str(value) for name, value in rows[0].items() if name != MARK)
    if MARK in rows[0]:
        line += f"\t{rows[0][MARK]}"
    example = {"text": line, "outputs": engine.answers(rows[:1])[0].text}
    return example, latency(lambda i: engine.answers([rows[i]]), len(rows))
