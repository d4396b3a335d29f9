"""A row's predictions are those of the model of its part, in the order of the positions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfkd.data.ragged import Ragged
from tfkd.targets.by_part import ByPart, ask


def model(number):
    """Says of each selected position its id and the model's number."""

    def predict(record):
        side = record.get("target", record)
        ids = np.asarray(side["ids"])[np.asarray(side["selected"])]
        return {"ids": np.stack([ids, ids + number], 1), "gold_rank": ids * 10 + number}

    return predict


@pytest.mark.parametrize("pair", [False, True])
@given(st.lists(st.tuples(st.integers(0, 3), st.lists(st.booleans(), min_size=4, max_size=4)),
                min_size=1, max_size=9), st.randoms())  # fmt: skip
def test_each_row_by_its_model(pair, rows, random):
    parts = np.array([part for part, _ in rows])
    examples = np.arange(len(rows)) + 5
    of_all = np.zeros(len(rows) + 5, np.int64)
    of_all[examples] = parts
    order = np.array(random.sample(range(len(rows)), len(rows)))
    side = {
        "ids": (np.arange(4 * len(rows)).reshape(-1, 4) + 100)[order],
        "selected": np.array([selected for _, selected in rows])[order],
    }
    record = {"source": {"ids": side["ids"] * 2}, "target": side} if pair else side
    found = ask(ByPart([model(n) for n in range(4)], of_all), record, examples[order])
    expected = [
        (side["ids"][row, column], parts[order[row]])
        for row in range(len(rows))
        for column in range(4)
        if side["selected"][row, column]
    ]
    assert [(a, b - a) for a, b in found["ids"]] == expected
    assert found["gold_rank"].tolist() == [10 * a + part for a, part in expected]


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=5), min_size=1, max_size=8),
       st.integers(1, 6), st.randoms())  # fmt: skip
def test_each_position_by_its_model(rows, most, random):
    """A view may read less of a row than there is."""
    order = random.sample(range(len(rows)), len(rows))
    width = min(most, max(map(len, rows)))
    ids = np.arange(width * len(rows)).reshape(-1, width)
    selected = np.array([[place < len(rows[one]) for place in range(width)] for one in order])
    parts = Ragged.from_rows(rows)
    found = ask(
        ByPart([model(n) for n in range(4)], parts.take),
        {"ids": ids, "selected": selected}, np.array(order),
    )  # fmt: skip
    expected = [
        ids[row, place] * 10 + rows[one][place]
        for row, one in enumerate(order)
        for place in range(min(width, len(rows[one])))
    ]
    assert found["gold_rank"].tolist() == expected


def test_one_model_is_asked_as_it_is():
    record = {"ids": np.array([[7, 8]]), "selected": np.array([[True, False]])}
    assert ask(model(0), record, np.array([3]))["gold_rank"].tolist() == [70]
