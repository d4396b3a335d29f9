"""The rows on which two systems differ most, picked by their scores alone.

Reference: Chen et al., 2020, Distilling Knowledge Learned in BERT for Text Generation, section 4.5
and tables 7 to 9, whose authors picked theirs by hand.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sacrebleu.metrics import BLEU

from tfkd.evaluation.corpus_metrics import bleu_metric
from tfkd.evaluation.rouge_scores import ROUGE, rouge_metric


def sentence_scores(
    hypotheses: Sequence[str],
    references: Sequence[str],
    metric: str = "bleu",
    *,
    lower_case: bool = False,
    tokenize: str = "13a",
    stem: bool = False,
    words: str = "unicode",
) -> np.ndarray:
    """Each row's own score, float64 [rows], 0 to 100.

    Args:
        hypotheses: The outputs.
        references: One reference a row.
        metric: `bleu`: sacreBLEU's sentence BLEU, of the orders that the output is long enough for
            and smoothed (exp); or a ROUGE metric's F1.
        lower_case, tokenize: As in `bleu`.
        stem, words: As in `rouge`.
    """
    if metric in ROUGE:
        return rouge_metric(metric, stem=stem, words=words).statistics(hypotheses, references)[:, 0]
    if metric != "bleu":
        raise ValueError(
            f"Invalid value for argument `metric`. Expected bleu or one of {', '.join(ROUGE)}. "
            f"Received: metric={metric!r}"
        )
    rows = bleu_metric(lower_case=lower_case, tokenize=tokenize).statistics(hypotheses, references)
    return np.array([_sentence_bleu([int(count) for count in row]) for row in rows])


def _sentence_bleu(counts: list[int]) -> float:
    length, reference_length, *rest = counts
    orders = len(rest) // 2
    return float(
        BLEU.compute_bleu(
            rest[:orders], rest[orders:], length, reference_length,
            smooth_method="exp", effective_order=True,
        ).score
    )  # fmt: skip


def differing_rows(
    hypotheses: Sequence[str],
    against: Sequence[str],
    references: Sequence[str],
    metric: str = "bleu",
    *,
    most: int = 5,
    least_words: int = 5,
    **settings: Any,
) -> list[dict[str, Any]]:
    """The rows with the largest gains of one system over another, and with its largest losses.

    The rule: of all rows whose reference has `least_words` or more (a short one's score is all or
    nothing), those with the largest difference of the two systems' own scores, up to `most` of
    either sign; of equal differences the earlier row; of rows with equal reference and outputs the
    first alone.

    Args:
        hypotheses: The system's outputs.
        against: The baseline's, row by row.
        references: One reference a row.
        metric: As in `sentence_scores`.
        most: How many gains, and how many losses.
        least_words: Words, between spaces, of the shortest reference.
        **settings: Those of `sentence_scores`.

    Returns:
        `row` (from 0), `value` and `against`, the scores of the two: gains first, the largest
        first, then losses, the largest first.
    """
    ours = sentence_scores(hypotheses, references, metric, **settings)
    theirs = sentence_scores(against, references, metric, **settings)
    differences = ours - theirs
    long_enough = np.array([len(line.split()) >= least_words for line in references])
    chosen: list[int] = []
    for sign in (1, -1):
        seen: set[tuple[str, str, str]] = set()
        for row in np.argsort(-sign * differences, kind="stable"):
            if sign * differences[row] <= 0 or len(seen) == most:
                break
            text = (references[row], hypotheses[row], against[row])
            if long_enough[row] and text not in seen:
                seen.add(text)
                chosen.append(int(row))
    return [
        {"row": row, "value": float(ours[row]), "against": float(theirs[row])} for row in chosen
    ]
