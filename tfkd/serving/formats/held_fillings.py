"""Holds an engine that fills in words against its float32 model."""

from typing import Any, NamedTuple

import numpy as np

from tfkd.decoding.numpy_decoding import NumpyModel, NumpyOutput, log_softmax
from tfkd.serving.check import latency
from tfkd.serving.check_result import ExportRefusedError
from tfkd.serving.formats.format import Held, Subject
from tfkd.serving.formats.held_labels import OTHERWISE, floored, likely

_SHOWN = 5


class _Row(NamedTuple):
    line: str
    ids: list[int]
    model: NumpyModel
    expected: NumpyOutput


def held_fillings(subject: Subject, engine: Any, tolerance: tuple[float, float]) -> Held:
    """What an engine predicts and writes beside what its model does.

    The model, in float32 and without caches, says of each line how likely each length is, and how
    likely each word at each place of a target: all of it hidden, and every second word of what it
    writes itself. These log-probabilities, where those below 1/1000 count as 1/1000, may differ by
    the format's tolerance. Then the engine fills in its own outputs. A line is clear-cut where each
    decision of the model's passes is clearer than any of these log-probabilities differs, twice
    over: there the output must be the model's. In 8 bits few lines are, for a word that is chosen
    otherwise changes what comes after; of all lines the share of equal outputs is told.

    Args:
        subject: The model, its tokenizers and lines.
        engine: A `FillEngine`.
        tolerance: Nats that log-probabilities may differ by: the most, and the mean.

    Raises:
        ExportRefusedError: It is otherwise, or there is no line to hold it on; or the exported
            tokenizer cuts more than one line and more than 5 % of them otherwise.
    """
    rows, otherwise = _rows(subject, engine)
    if not rows:
        raise ExportRefusedError("export refused: no line with a token to check it on")
    gaps = np.concatenate([_gaps(row, engine) for row in rows])
    largest, average = float(gaps.max()), float(gaps.mean())
    most, mean = tolerance
    if not (largest <= most and average <= mean):
        raise ExportRefusedError(
            "export refused: its log-probabilities are not the model's: they differ by up to "
            f"{largest:.3g} nats, by {average:.3g} on average, and {most:g} and {mean:g} are "
            "tolerated"
        )
    answers = [engine.answer(row.ids) for row in rows]
    equal = [tuple(one.ids) == row.expected.ids for row, one in zip(rows, answers, strict=True)]
    clear = [row.expected.margin > 2 * largest for row in rows]
    wrong = [at for at in range(len(rows)) if clear[at] and not equal[at]]
    if wrong:
        shown = "\n".join(
            f"{rows[at].line!r}: {_text(engine, answers[at].ids)!r}, and the model "
            f"{_text(engine, rows[at].expected.ids)!r}"
            for at in wrong[:_SHOWN]
        )
        raise ExportRefusedError(
            f"export refused: {len(wrong)} of {sum(clear)} outputs that are clear-cut are not the "
            f"model's:\n{shown}"
        )
    return Held(
        {
            "lines": len(rows),
            "largest_difference": largest,
            "mean_difference": average,
            "clear_cut": sum(clear),
            "equal_outputs": sum(equal),
            "tokenised_otherwise": otherwise,
        },
        f"Before it was put here, it read {len(rows)} lines beside the float32 model: "
        "log-probabilities of lengths and words, those below 1/1000 counted as that, differ by up "
        f"to {largest:.1g} nats, by {average:.1g} on average. {sum(equal)} of its outputs are the "
        f"model's; {sum(clear)} are clear-cut, and of these each is."
        + (f" {otherwise} lines were left out: its tokenizer reads them otherwise."
           if otherwise else ""),
        {"text": rows[0].line, "outputs": _text(engine, answers[0].ids)},
        latency(lambda i: engine.translate([rows[i].line]), len(rows)),
    )  # fmt: skip


def _gaps(row: _Row, engine: Any) -> np.ndarray:
    """Differences of log-probabilities: of lengths, and of words."""
    about, plain = engine.about, row.model
    logits, state = engine.encode(row.ids)
    lengths = log_softmax(plain.length_logits().astype(np.float64))
    pairs = [(log_softmax(logits.astype(np.float64)), lengths)]
    best = max(2, min(1 + int(lengths[1:].argmax()), engine.limit(len(row.ids)) + 1))
    half = np.array([*row.expected.ids, about["end"]], np.int32)
    half[::2] = about["mask"]
    for target in (np.full(best, about["mask"], np.int32), half):
        places = np.flatnonzero(target == about["mask"])
        (theirs,) = engine.words(state, [target], [places])
        ours = plain.filled(target.tolist(), forbid_specials=bool(about["forbidden"]))
        pairs.append((theirs, ours[places]))
    found = []
    for theirs, ours in pairs:
        counted = likely(theirs) | likely(ours)
        found.append(np.abs(floored(theirs) - floored(ours))[counted])
    return np.concatenate(found)


def _rows(subject: Subject, engine: Any) -> tuple[list[_Row], int]:
    """The lines that both tokenizers read alike, filled in in NumPy; and how many others there
    are.

    Raises:
        ExportRefusedError: There are too many others.
    """
    from tfkd.decoding import build_search
    from tfkd.serving.graphs.full_precision import in_float32
    from tfkd.serving.graphs.uncached import uncached_pairs

    source, target = subject.tokenizers["source"], subject.tokenizers["target"]
    lines = list(dict.fromkeys(subject.lines))
    encoded = source.encode(lines)
    ours = [encoded.row(at).tolist() for at in range(len(lines))]
    theirs = engine.source.text.ids(lines)
    otherwise = [at for at in range(len(lines)) if ours[at] != theirs[at]]
    if len(otherwise) > max(1, OTHERWISE * len(lines)):
        raise ExportRefusedError(
            f"export refused: its tokenizer reads {len(otherwise)} of {len(lines)} lines otherwise "
            f"than the model's, and {OTHERWISE:.0%} are tolerated: {lines[otherwise[0]]!r} as "
            f"{theirs[otherwise[0]]}, and not as {ours[otherwise[0]]}"
        )
    ask = uncached_pairs(in_float32(subject.model), target, int(source.end_id))
    search, rows = build_search(subject.decode), []
    for line, ids, other in zip(lines, ours, theirs, strict=True):
        if ids == other and ids:
            plain = ask(ids[: engine.about["limit"]])
            rows.append(_Row(line, ids, plain, search.numpy(plain, engine.limit(len(ids)))))
    return rows, len(otherwise)


def _text(engine: Any, ids: Any) -> str:
    return engine.target.text.decode([engine.target.vocabulary[one] for one in ids])
