"""Beam search against exhaustive search and against its definition in a plain loop."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from searched import outputs, searched

from tfkd.decoding import beam_search


def search(model, sentences, limits, **options):
    return searched(beam_search, model, model, sentences, limits, **options)


@given(
    seed=st.integers(0, 1000),
    longest=st.integers(0, 3),
    alpha=st.sampled_from([-0.5, 0.0, 0.6, 1.5]),
    n_best=st.integers(1, 5),
    forbid_start=st.booleans(),
    least=st.integers(0, 3),
)
@settings(max_examples=15, deadline=None)
def test_a_wide_beam_equals_exhaustive_search(
    table_model, seed, longest, alpha, n_best, forbid_start, least
):
    model = table_model(2, 4, 3, seed)
    forbidden = [0] if forbid_start else []
    limits = [longest, max(longest - 1, 0)]
    result = search(
        model, [0, 1], limits, beam=81, n_best=n_best, length_penalty=alpha,
        forbidden_ids=forbidden, min_length=least,
    )  # fmt: skip
    for row, limit in enumerate(limits):
        expected = model.exhaustive(row, limit, alpha, forbidden, least)[:n_best]
        assert outputs(result, row) == [tokens for _, tokens, _ in expected]
        np.testing.assert_allclose(
            result[2][row, : len(expected)], [e[0] for e in expected], rtol=1e-5, atol=1e-6
        )
        np.testing.assert_allclose(
            result[3][row, : len(expected)], [e[2] for e in expected], rtol=1e-5, atol=1e-6
        )
        assert (result[2][row, len(expected) :] == -np.inf).all()


@given(
    seed=st.integers(0, 1000),
    beam=st.integers(1, 5),
    alpha=st.sampled_from([0.0, 0.6, 2.0]),
    data=st.data(),
)
@settings(max_examples=15, deadline=None)
def test_a_narrow_beam_equals_its_definition_for_every_row_of_a_batch(
    table_model, seed, beam, alpha, data
):
    n_best = data.draw(st.integers(1, beam))
    limits = data.draw(st.lists(st.integers(0, 6), min_size=1, max_size=9))
    model = table_model(len(limits), 3, 6, seed)
    result = search(
        model, list(range(len(limits))), limits, beam=beam, n_best=n_best, length_penalty=alpha
    )
    for row, limit in enumerate(limits):
        expected = model.plain_beam(row, limit, alpha, [], beam)[:n_best]
        assert outputs(result, row) == [tokens for _, tokens, _ in expected]
        np.testing.assert_allclose(
            result[2][row, : len(expected)], [e[0] for e in expected], rtol=1e-5, atol=1e-6
        )


def test_a_batch_gives_what_its_sentences_give_alone(table_model):
    limits = [7, 0, 3, 7, 5, 1, 7]
    model = table_model(7, 3, 7, seed=5)
    together = search(model, list(range(7)), limits, beam=3, n_best=3)
    for row, limit in enumerate(limits):
        alone = search(model, [row], [limit], beam=3, n_best=3)
        assert outputs(together, row) == outputs(alone, 0)
        np.testing.assert_allclose(together[2][row], alone[2][0], rtol=1e-5, atol=1e-6)


def test_ids_are_padded_and_forbidden_ids_never_come(table_model):
    model = table_model(6, 4, 5, seed=1)
    ids, lengths, *_ = search(
        model, list(range(6)), [5] * 6, beam=4, n_best=2, forbidden_ids=[0, 2], pad_id=9
    )
    assert ids.shape == (6, 2, lengths.max())
    for row, length in zip(ids.reshape(12, -1), lengths.reshape(12), strict=True):
        assert (row[:length] == 3).all()
        assert (row[length:] == 9).all()


def test_a_live_beam_that_can_still_win_is_waited_for():
    # The end is likelier at once (log 0.6), but ten certain steps later a long output wins by its
    # penalty: log 0.4 / (16 / 6) > log 0.6 / 1.
    class Late:
        def step(self, ids, state, index):
            first = tf.math.log([[0.0, 0.6, 0.4]])
            last = tf.constant([[-1e9, 0.0, -1e9]])
            between = tf.constant([[-1e9, -1e9, 0.0]])
            logits = tf.where(index == 0, first, tf.where(index == 10, last, between))
            return tf.repeat(logits, tf.size(ids), 0), state

    options = {
        "start_id": 0,
        "end_id": 1,
        "vocabulary_size": 3,
        "beam": 2,
        "length_penalty": 1.0,
    }
    result = beam_search([tf.zeros([1])], Late().step, max_lengths=[20], **options)
    assert result.lengths.numpy().tolist() == [[10]]
    np.testing.assert_allclose(
        result.scores.numpy(), [[np.log(0.4) / (16 / 6)]], rtol=1e-5, atol=1e-6
    )
    short = beam_search([tf.zeros([1])], Late().step, max_lengths=[5], **options)
    assert short.lengths.numpy().tolist() == [[0]]


def test_the_search_stops_when_nothing_can_win():
    steps = []

    def step(ids, state, index):
        tf.py_function(lambda: steps.append(1), [], [])
        return tf.repeat(tf.constant([[-9.0, 5.0, -9.0]]), tf.size(ids), 0), state

    tf.function(
        lambda: beam_search(
            [tf.zeros([2])], step, start_id=0, end_id=1, vocabulary_size=3, max_lengths=[50, 50],
            beam=2,
        ),
        autograph=False,
    )()  # fmt: skip
    assert len(steps) == 1


def test_no_new_trace_for_other_numbers_of_rows(table_model):
    model = table_model(8, 3, 4, seed=2)
    traces = []

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32)] * 2, autograph=False)
    def graph(sentences, limits):
        traces.append(1)
        return beam_search(
            model.start(sentences), model.step, start_id=0, end_id=1, vocabulary_size=3,
            max_lengths=limits, beam=2,
        )  # fmt: skip

    for rows in (1, 8, 3, 0):
        assert graph(tf.range(rows), tf.fill([rows], 4)).ids.shape[0] == rows
    assert len(traces) == 1


def test_wrong_arguments_are_named():
    options = {"start_id": 0, "end_id": 1, "vocabulary_size": 3, "max_lengths": [1]}
    with pytest.raises(ValueError, match=r"`n_best`.*n_best=3, beam=2"):
        beam_search([], None, beam=2, n_best=3, **options)
    with pytest.raises(ValueError, match=r"forbidden_ids.*end_id=1"):
        beam_search([], None, forbidden_ids=[1], **options)
    with pytest.raises(ValueError, match=r"forbidden_ids.*0 to 2.*\[7\]"):
        beam_search([], None, forbidden_ids=[7], **options)
