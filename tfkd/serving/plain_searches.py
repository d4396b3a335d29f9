"""Each kind of search as plain decoding without caches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tfkd.decoding.searches import BeamSearch, GreedySearch, MaskPredict, Search
from tfkd.serving.plain_decoding import (
    PlainOutput,
    Predict,
    not_before,
    plain_beam_search,
    plain_greedy_search,
    plain_score,
    uncached,
)
from tfkd.serving.plain_mask_predict import plain_mask_predict, whole_model


@dataclass(frozen=True)
class Sentence:
    """One sentence, decoded plainly.

    Attributes:
        output: Its best output.
        score: The score of any output of it; None where a score belongs to the way that an output
            came about, and not to the output.
    """

    output: PlainOutput
    score: Callable[[Sequence[int]], float] | None


def plain_search(
    search: Search, model: Any, target: Any, source_end: int
) -> Callable[[Sequence[int], int], Sentence]:
    """Plain decoding of bare source ids, with the most tokens of an output.

    Args:
        search: The search that it stands for.
        model: The model.
        target: The target's tokenizer.
        source_end: The source's end id.

    Raises:
        TypeError: There is no plain decoding of this kind.
    """
    if isinstance(search, MaskPredict):
        read = whole_model(model, target, source_end, forbid_specials=search.forbid_specials)

        def filled(source: Sequence[int], limit: int) -> Sentence:
            found = plain_mask_predict(read(source), search, limit=limit, specials=target)
            return Sentence(found, None)

        return filled
    if not isinstance(search, BeamSearch | GreedySearch):
        raise TypeError(
            "Invalid value for argument `search`. Expected a BeamSearch, GreedySearch or "
            "MaskPredict: there is no plain decoding of other kinds. Received: "
            f"{search!r}"
        )
    predict_from, end_id = uncached(model, target, source_end), int(target.end_id)

    def written(source: Sequence[int], limit: int) -> Sentence:
        settings = {"end_id": end_id, "limit": limit}
        predict = not_before(predict_from(source), search.min_length, **settings)
        return Sentence(
            _from_left(predict, search, end_id, limit),
            lambda ids: plain_score(
                predict, ids, end_id=end_id, length_penalty=search.length_penalty
            ),
        )

    return written


def _from_left(
    predict: Predict, search: BeamSearch | GreedySearch, end_id: int, limit: int
) -> PlainOutput:
    if isinstance(search, GreedySearch):
        return plain_greedy_search(predict, end_id=end_id, limit=limit)
    return plain_beam_search(
        predict,
        end_id=end_id,
        limit=limit,
        beam=search.beam,
        length_penalty=search.length_penalty,
    )
