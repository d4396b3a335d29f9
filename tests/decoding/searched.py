"""What a search finds with a model of tables, as NumPy's."""

import numpy as np


def searched(how, model, table, sentences, limits, **options):
    """The arrays of `how`'s result with `model`, whose pieces are those of `table`."""
    result = how(
        model.start(sentences),
        model.step,
        start_id=table.start_id,
        end_id=table.end_id,
        vocabulary_size=table.size,
        max_lengths=limits,
        **options,
    )
    return [part.numpy() for part in result]


def outputs(result, row):
    """The outputs of a row that are possible, the best first."""
    ids, lengths, scores, _ = result
    return [
        tuple(ids[row, rank, : lengths[row, rank]].tolist())
        for rank in range(ids.shape[1])
        if scores[row, rank] > -np.inf
    ]
