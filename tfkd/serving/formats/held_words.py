"""Holds an engine that writes words from left to right against its float32 model."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tfkd.decoding.numpy_decoding import NumpyOutput
from tfkd.serving.check import latency
from tfkd.serving.check_result import ExportRefusedError
from tfkd.serving.formats.format import Held, Subject

_SHOWN = 5
# The share of lines that an exported tokenizer may cut otherwise; one line always may be.
_OTHERWISE = 0.05
# The share by which the scores of all outputs of a beam may be worse than the model's, beside
# rounding.
WORSE = 0.05


class _Row(NamedTuple):
    """A line, its bare pieces, the same as the engine's model reads them, and what ours writes:
    with the log-probability of each token of it and of its end."""

    line: str
    bare: list[str]
    read: list[str]
    expected: NumpyOutput
    log_probabilities: np.ndarray


def held_words(
    subject: Subject, engine: Any, most: float, mean: float, worse_by: float = WORSE
) -> Held:
    """What an engine answers beside what its model does.

    The model, in float32 and without caches, searches an output for each line in NumPy. The engine
    scores these outputs: log-probabilities of their tokens and ends may differ by `most` nats, and
    by `mean` nats on average. Then it searches its own. A line is clear-cut where its output ends
    before the limit of its length, and each decision of the search is clearer than any of these
    outputs' log p differs, twice over; there its output must be the model's, or one that is no
    worse by the model's own score. Of a beam the outputs of all lines together may be worse by
    5 % of their scores, and by what twice the differences of log p explain. The likeliest token at
    each place leads to a better output as often as to a worse one where rounding changes it: of
    such a search the share is told, and refuses nothing.

    Args:
        subject: The model, its tokenizers and lines.
        engine: With `about`, `source`, `target`, `read`, `limit`, `answers` and
            `log_probabilities`.
        most: Nats.
        mean: Nats.
        worse_by: In place of the 5 %.

    Raises:
        ExportRefusedError: It is otherwise, or there is no line to hold it on; or the exported
            tokenizer cuts more than one line and more than 5 % of them otherwise.
    """
    rows, otherwise = _rows(subject, engine)
    if not rows:
        raise ExportRefusedError(
            f"export refused: no line to check it on. Give real lines ({otherwise} were left out, "
            "because the exported tokenizer reads them otherwise)"
        )
    written = [_pieces(subject, row.expected.ids) for row in rows]
    theirs = engine.log_probabilities([row.read for row in rows], written)
    gaps = [
        np.abs(one.astype(np.float64) - row.log_probabilities)
        for one, row in zip(theirs, rows, strict=True)
    ]
    largest, average = (float(how(np.concatenate(gaps))) for how in (np.max, np.mean))
    if not (largest <= most and average <= mean):
        raise ExportRefusedError(
            "export refused: its log-probabilities are not the model's: they differ by up to "
            f"{largest:.3g} nats, by {average:.3g} on average, and {most:g} and {mean:g} are "
            "tolerated"
        )
    totals = [
        abs(float(one.sum()) - row.log_probabilities.sum())
        for one, row in zip(theirs, rows, strict=True)
    ]
    noise = max(totals)
    together = [[row.bare for row in rows]]
    if getattr(subject.model, "shortlist", None) is not None:
        together = [[row.bare] for row in rows]  # in a batch an engine has one list for all
    answers = [answer for bare in together for answer in engine.answers(bare)]
    equal, clear, differences, lost = 0, 0, [], 0.0
    for row, answer, ours in zip(rows, answers, written, strict=True):
        certain = row.expected.margin > 2 * noise and len(ours) < engine.limit(row.read)
        clear, equal = clear + bool(certain), equal + (answer.pieces == ours)
        if answer.pieces != ours:
            own = _score(subject, row.expected, answer.pieces)
            lost += row.expected.score - own
            if certain and own < row.expected.score - noise:
                differences.append(
                    f"{row.line!r}:\n  export: {_text(engine, answer.pieces)!r} (the model's own "
                    f"score {own:.5f})\n  model:  {_text(engine, ours)!r} "
                    f"({row.expected.score:.5f})"
                )
    if differences:
        shown = "\n".join(differences[:_SHOWN])
        raise ExportRefusedError(
            f"export refused: {len(differences)} of {clear} outputs that are clear-cut are not the "
            f"model's:\n{shown}"
        )
    worse = lost / (sum(abs(row.expected.score) for row in rows) or 1.0)
    rounding = 2 * sum(totals) / (sum(abs(row.log_probabilities.sum()) for row in rows) or 1.0)
    if engine.about["search"]["beam"] > 1 and not worse <= worse_by + rounding:
        raise ExportRefusedError(
            f"export refused: by the model's own scores its outputs are {worse:.2%} worse than the "
            f"model's, and {worse_by + rounding:.2%} are tolerated: its search does not find them"
        )
    lines = [row.line for row in rows]
    timed = [line for line in lines if line.strip()] or lines
    shown = next((i for i, line in enumerate(lines) if line.strip()), 0)
    return Held(
        {
            "lines": len(rows),
            "largest_difference": largest,
            "mean_difference": average,
            "clear_cut": clear,
            "equal_outputs": equal,
            "worse_by": float(worse),
            "tokenised_otherwise": otherwise,
        },
        f"Before it was put here, it scored the float32 model's outputs of {len(rows)} lines as "
        f"the model does: log-probabilities of tokens to {largest:.1g} nats, to {average:.1g} on "
        f"average. Its own outputs were the model's for {equal} of them; {clear} are clear-cut, "
        "and of these each is, or is as good by the model's own score; by this score all outputs "
        f"together are {max(worse, 0.0):.2%} worse."
        + (f" {otherwise} lines were left out: its tokenizer reads them otherwise."
           if otherwise else ""),
        {"text": lines[shown], "outputs": _text(engine, answers[shown].pieces)},
        latency(lambda i: engine.translate([timed[i]]), len(timed)),
    )  # fmt: skip


def _rows(subject: Subject, engine: Any) -> tuple[list[_Row], int]:
    """The lines that both tokenizers read alike, searched in NumPy; and how many others there
    are.

    Raises:
        ExportRefusedError: There are too many others.
    """
    from tfkd.decoding import build_search

    reader = subject.tokenizers.get("source", subject.tokenizers.get("text"))
    lines = list(dict.fromkeys(subject.lines))
    places = {piece: place for place, piece in enumerate(reader.vocabulary)}
    encoded = reader.encode(lines)
    cut = [[reader.vocabulary[place] for place in encoded.row(i)] for i in range(len(lines))]
    both = list(zip(lines, cut, engine.source.encode(lines), strict=True))
    otherwise = [one for one in both if one[1] != one[2]]
    if len(otherwise) > max(1, _OTHERWISE * len(lines)):
        line, ours, theirs = otherwise[0]
        raise ExportRefusedError(
            f"export refused: its tokenizer reads {len(otherwise)} of {len(lines)} lines otherwise "
            f"than the model's, and {_OTHERWISE:.0%} are tolerated:\n{line!r}:\n"
            f"  export: {' '.join(theirs)}\n  model:  {' '.join(ours)}"
        )
    rows, search, ask = [], build_search(subject.decode), _model(subject)
    for line, ours, bare in both:
        if ours != bare:
            continue
        read = engine.read(bare)
        plain = ask([places[piece] for piece in read])
        expected = search.numpy(plain, engine.limit(read))
        tokens = [*expected.ids, int(plain.specials.end_id)]
        found = plain.continued(expected.ids)[np.arange(len(tokens)), tokens]
        rows.append(_Row(line, bare, read, expected, found))
    return rows, len(otherwise)


def _model(subject: Subject) -> Any:
    """From ids that are read to the model that has read them, whole and afresh."""
    from tfkd.serving.graphs.full_precision import in_float32
    from tfkd.serving.graphs.uncached import uncached_pairs, uncached_prompts

    model = in_float32(subject.model)
    if "text" in subject.tokenizers:
        return uncached_prompts(model, subject.tokenizers["text"])
    source, target = subject.tokenizers["source"], subject.tokenizers["target"]
    return uncached_pairs(model, target, int(source.end_id))


def _writer(subject: Subject) -> Any:
    return subject.tokenizers.get("target", subject.tokenizers.get("text"))


def _pieces(subject: Subject, ids: Sequence[int]) -> list[str]:
    return [_writer(subject).vocabulary[place] for place in ids]


def _score(subject: Subject, expected: NumpyOutput, pieces: Sequence[str]) -> float:
    """The model's own score of an output."""
    places = {piece: place for place, piece in enumerate(_writer(subject).vocabulary)}
    return expected.score_of([places[piece] for piece in pieces])


def _text(engine: Any, pieces: Sequence[str]) -> str:
    return engine.target.decode(pieces)
