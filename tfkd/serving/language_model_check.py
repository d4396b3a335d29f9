"""Holds a language model's SavedModel, run in a fresh process, against the model without caches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfkd.data.ragged import Ragged
from tfkd.decoding.continuation import prompt_limit
from tfkd.decoding.searches import Search
from tfkd.serving.checking import TOLERANCE, run_fresh
from tfkd.serving.plain_continuation import Judged, PlainContinuation

# Prompts of which a beam search is made again: it takes a pass of the model for each token.
_SEARCHED = 8


@dataclass(frozen=True)
class PromptCheck:
    """What a check found.

    Attributes:
        prompts: Number of prompts compared.
        ties: Of these, how many are continued otherwise, by as good a choice.
        largest_difference: Of a served log-probability and the model's, in nats.
        tokenised_otherwise: Prompts that were left out, because the tokenizer in the graph reads
            them otherwise than the one in Python.
        differences: What is wrong, a paragraph a prompt.
    """

    prompts: int
    ties: int
    largest_difference: float
    tokenised_otherwise: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether the SavedModel writes what the model does."""
        return not self.differences and self.prompts > 0


def check_prompts(
    folder: Any, prompts: Sequence[str], model: Any, tokenizer: Any, search: Search
) -> PromptCheck:
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
    prompts = list(dict.fromkeys(prompts))
    encoded = tokenizer.encode(prompts)
    in_graph = tokenizer.in_graph().tokenize(np.array(prompts, object)).to_list()
    same = [list(encoded.row(i)) == row for i, row in enumerate(in_graph)]
    otherwise = [line for line, kept in zip(prompts, same, strict=True) if not kept]
    prompts = [line for line, kept in zip(prompts, same, strict=True) if kept]
    if not prompts:
        return PromptCheck(0, 0, 0.0, otherwise)
    rows = encoded.take(np.flatnonzero(same))
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
    return PromptCheck(len(prompts), ties, largest, otherwise, differences)


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
