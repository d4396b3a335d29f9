"""Holds a language model's SavedModel, run in a fresh process, against the model without caches."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tfkd.data.ragged import Ragged
from tfkd.decoding.continuation import prompt_limit
from tfkd.decoding.numpy_decoding import NumpyModel
from tfkd.decoding.search import Search
from tfkd.serving.check_result import CheckResult, read_alike
from tfkd.serving.checking import TOLERANCE, is_tie, run_fresh
from tfkd.serving.graphs.uncached import uncached_prompts

# Prompts of which a search is made again that asks for more than what was written tells: a beam
# takes a pass of the model for each token.
_SEARCHED = 8


class Judged(NamedTuple):
    """What the search in NumPy says of one continuation.

    Attributes:
        reason: Why the search would not write it; "" if it would.
        log_probability: The model's own, in nats, the end counted where it was written.
        tie: Whether it stands for another one that rounding alone tells from it.
        costly: Whether the search was made again and takes more than the one pass of the model that
            the log-probability takes.
    """

    reason: str
    log_probability: float
    tie: bool = False
    costly: bool = False


def check_prompts(
    folder: Any, prompts: Sequence[str], model: Any, tokenizer: Any, search: Search
) -> CheckResult:
    """Compares a SavedModel with the language model that it was made from.

    Both signatures answer in a fresh process, all prompts at once and the first few alone. Here the
    model reads each prompt with its continuation whole: the log-probability must agree to 1e-3,
    relative where it is below -1, and the ids must read as the text. The search is made again in
    NumPy; for the first 8 prompts alone if it compares outputs whole, as a beam search does, for
    which this one pass of the model is not enough. Another output must be a tie (see `is_tie`).

    Args:
        folder: The version folder.
        prompts: Real prompts.
        model: The float32 model.
        tokenizer: Its tokenizer: `encode`, and `in_graph()` that may differ from it.
        search: Any that has a `numpy` (see `tfkd.decoding.Search`).
    """
    prompts, rows, otherwise = read_alike(tokenizer, prompts)
    if not prompts:
        return CheckResult(0, 0, 0.0, otherwise)
    ids = [rows.row(i).tolist() for i in range(len(rows))]
    request = {"prompts": prompts, "prompt_ids": ids, "pad_id": int(tokenizer.pad_id)}
    served = run_fresh(folder, request)
    # Of a long prompt the last tokens are read, behind the start.
    limit = prompt_limit(model)
    read = [[int(tokenizer.start_id), *(row[-(limit - 1) :] if limit > 1 else [])] for row in ids]
    most = search.max_length.lengths([len(row) for row in read], model.max_length - limit).numpy()
    reader, again = uncached_prompts(model, tokenizer), True
    ties, largest, differences = 0, 0.0, []
    for place, answer in [*enumerate(served["together"]), *enumerate(served["alone"])]:
        plain = reader(read[place])
        judged = _judge(plain, search, int(most[place]), answer, again or place < _SEARCHED)
        again = again and not judged.costly
        gap = abs(answer["score"] - judged.log_probability)
        reason = _reason(answer, judged, tokenizer)
        if reason:
            differences.append(
                f"{prompts[place]!r}: {reason}\n"
                f"  SavedModel: {answer['text']!r} (log p {answer['score']:.5f}; the model's own "
                f"{judged.log_probability:.5f})"
            )
        else:
            largest, ties = max(largest, gap), ties + judged.tie
    shown = next((i for i, prompt in enumerate(prompts) if prompt), 0)
    said = served["together"][shown]
    return CheckResult(
        len(prompts), ties, largest, otherwise, differences, served.get("latency"),
        {
            "text": prompts[shown],
            "outputs": said["text"],
            "scores": said["score"],
            "ended": said["ended"],
        },
    )  # fmt: skip


def _judge(
    model: NumpyModel, search: Search, limit: int, answer: Mapping[str, Any], again: bool
) -> Judged:
    """Judges one continuation.

    Args:
        model: The model, which has read the prompt.
        search: The search that is said to have written it.
        limit: The most tokens of the continuation.
        answer: Its bare `ids`, and whether the model is said to have `ended` it.
        again: Whether the search is made again; else the log-probability of what it found is all
            that is known.
    """
    written, ended = answer["ids"], answer["ended"]
    if len(written) > limit or ended != (len(written) < limit):
        how = "ends" if ended else "is cut off"
        return Judged(f"it {how} after {len(written)} of {limit} tokens", np.nan)
    end = int(model.specials.end_id)
    if {end, *map(int, model.specials.special_ids)} & {*written}:
        return Judged("it holds a token that is no word", np.nan)
    tokens = [*written, end] if ended else written
    rows = model.continued(written)
    total = float(sum(row[token] for row, token in zip(rows, tokens, strict=False)))
    if not again:
        return Judged("", total)
    best = search.numpy(model, limit)
    costly = best.allows is None
    if tuple(written) == best.ids:
        return Judged("", total, costly=costly)
    tie = is_tie(best, written, best.score_of(written) if best.score_of else None)
    reason = "" if tie else f"the search finds another one of the score {best.score:.5f}"
    return Judged(reason, total, tie, costly)


def _reason(answer: Mapping[str, Any], judged: Judged, tokenizer: Any) -> str:
    """What is wrong with an answer; "" if nothing."""
    text = tokenizer.decode_batch(Ragged.from_rows([answer["ids"]]))[0]
    scale = max(1.0, abs(judged.log_probability))
    if text != answer["text"] or answer["ended"] != answer["id_ended"]:
        return f"its signature ids gives {text!r}"
    if abs(answer["id_score"] - answer["score"]) > TOLERANCE * scale:
        return f"its signature ids gives the log p {answer['id_score']:.5f}"
    if answer.get("with_options", text) != text:
        return f"its signature with_options gives {answer['with_options']!r}"
    if judged.reason:
        return judged.reason
    if not abs(answer["score"] - judged.log_probability) <= TOLERANCE * scale:
        return "the model gives what it wrote another log-probability"
    return ""
