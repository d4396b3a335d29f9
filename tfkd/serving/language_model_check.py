"""Holds a language model's SavedModel, run in a fresh process, against the model without caches."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfkd.data.ragged import Ragged
from tfkd.decoding.continuation import prompt_limit
from tfkd.decoding.searches import Search
from tfkd.serving.check_result import CheckResult, read_alike
from tfkd.serving.checking import TOLERANCE, run_fresh
from tfkd.serving.plain_continuation import Judged, PlainContinuation

# Prompts of which a beam search is made again: it takes a pass of the model for each token.
_SEARCHED = 8


def check_prompts(
    folder: Any, prompts: Sequence[str], model: Any, tokenizer: Any, search: Search
) -> CheckResult:
    """Compares a SavedModel with the language model that it was made from.

    Both signatures answer in a fresh process, all prompts at once and the first few alone. Here the
    model reads each prompt with its continuation whole: each token must be the one that a greedy
    search or a draw chooses there, a beam search is made again (for the first 8 prompts), and the
    log-probability must agree to 1e-3, relative where it is below -1. Ids must read as the text.

    Args:
        folder: The version folder.
        prompts: Real prompts.
        model: The float32 model.
        tokenizer: Its tokenizer: `encode`, and `in_graph()` that may differ from it.
        search: A `BeamSearch`, `GreedySearch` or `Sampling`.
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
    plain = PlainContinuation(model, tokenizer, search)
    ties, largest, differences = 0, 0.0, []
    for place, answer in [*enumerate(served["together"]), *enumerate(served["alone"])]:
        judged = plain.judge(
            read[place], int(most[place]), answer["ids"], answer["ended"], place < _SEARCHED
        )
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
    return CheckResult(len(prompts), ties, largest, otherwise, differences, served.get("latency"))


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
