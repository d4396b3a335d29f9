"""The rows on which two systems differ most, picked by their scores alone.

Reference: Chen et al., 2020, Distilling Knowledge Learned in BERT for Text Generation, section 4.5
and tables 7 to 9, whose authors picked theirs by hand.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfkd.evaluation.counted import Counted


def differing_rows(
    system: Counted,
    against: Counted,
    references: Sequence[str],
    *,
    most: int = 5,
    least_words: int = 5,
) -> list[dict[str, Any]]:
    """The rows with the largest gains of one system over another, and with its largest losses.

    The rule: of all rows whose reference has `least_words` or more (a short one's score is all or
    nothing), those with the largest difference of the two systems' own scores, up to `most` of
    either sign; of equal differences the earlier row; of rows with equal reference and outputs the
    first alone.

    Args:
        system: The system's rows, counted from its outputs.
        against: The baseline's, row by row.
        references: One reference a row.
        most: How many gains, and how many losses.
        least_words: Words, between spaces, of the shortest reference.

    Returns:
        `row` (from 0), `value` and `against`, the scores of the two: gains first, the largest
        first, then losses, the largest first.
    """
    ours, theirs = (one.metric.of_rows(one.statistics) for one in (system, against))
    differences = ours - theirs
    long_enough = np.array([len(line.split()) >= least_words for line in references])
    chosen: list[int] = []
    for sign in (1, -1):
        seen: set[tuple[str, str, str]] = set()
        for row in np.argsort(-sign * differences, kind="stable"):
            if sign * differences[row] <= 0 or len(seen) == most:
                break
            text = (references[row], system.product[row], against.product[row])
            if long_enough[row] and text not in seen:
                seen.add(text)
                chosen.append(int(row))
    return [
        {"row": row, "value": float(ours[row]), "against": float(theirs[row])} for row in chosen
    ]
