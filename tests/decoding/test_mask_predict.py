"""Mask-Predict against a loop over sentences and candidates, written from the papers."""

from itertools import pairwise, product

import numpy as np
import pytest
import tensorflow as tf
from filling_table import END, MASK, PAD, START, FillingTable, Specials, sentence_by_sentence
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.decoding import MaskPredict, build_search
from tfkd.decoding.mask_predict_passes import hidden_count, least_sure

SIZE = 12


def decode(model, search, limits, sentences=None):
    sentences = np.arange(len(limits)) if sentences is None else sentences
    source = {"ids": tf.constant(np.array(sentences)[:, None], tf.int32)}
    call = tf.function(
        lambda ids, most: search(model, {"ids": ids}, most, Specials(SIZE)), autograph=False
    )
    return call(source["ids"], tf.constant(limits, tf.int32))


def rows_of(found):
    """(ids, score, log p) by sentence and rank."""
    return [
        [
            (ids[:length].tolist(), float(score), float(total))
            for ids, length, score, total in zip(*rows, strict=True)
        ]
        for rows in zip(*(each.numpy() for each in found), strict=True)
    ]


# The short ring takes each pair of values once.
PAIRWISE = {
    ("iterations", True, "length_penalty"),
    ("iterations", False, "mean"),
    ("one_more", True, "mean"),
    ("one_more", False, "length_penalty"),
}


@pytest.mark.parametrize(
    ("passes", "stop", "choose_by"),
    [
        pytest.param(*one, marks=[] if one in PAIRWISE else [pytest.mark.long])
        for one in product(("iterations", "one_more"), (True, False), ("length_penalty", "mean"))
    ],
)
def test_mask_predict_equals_a_loop_over_sentences(passes, stop, choose_by):
    model = FillingTable(sentences=9, size=SIZE, lengths=18, seed=3)
    limits = [0, 1, 2, 5, 8, 12, 16, 16, 3]
    search = MaskPredict(
        iterations=5, length_candidates=3, passes=passes, stop_when_stable=stop,
        choose_by=choose_by, n_best=2,
    )  # fmt: skip
    found = rows_of(decode(model, search, limits))
    for sentence, limit in enumerate(limits):
        expected = sentence_by_sentence(model, sentence, limit, search, Specials(SIZE))
        for (ids, score, total), (their_score, their_ids, their_total) in zip(
            found[sentence], expected, strict=False
        ):
            assert ids == their_ids
            np.testing.assert_allclose([score, total], [their_score, their_total], rtol=1e-5)


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    iterations=st.integers(1, 12),
    candidates=st.integers(1, 6),
    limit=st.integers(1, 17),
    forbid=st.booleans(),
    stop=st.booleans(),
)
def test_any_iterations_and_candidates(seed, iterations, candidates, limit, forbid, stop):
    model = FillingTable(sentences=2, size=SIZE, lengths=19, seed=seed)
    search = MaskPredict(
        iterations=iterations, length_candidates=candidates, forbid_specials=forbid,
        stop_when_stable=stop,
    )  # fmt: skip
    source, limits = {"ids": tf.constant([[0], [1]])}, tf.constant([limit, max(limit // 2, 1)])
    found = rows_of(search(model, source, limits, Specials(SIZE)))
    for sentence, most in enumerate([limit, max(limit // 2, 1)]):
        best = sentence_by_sentence(model, sentence, most, search, Specials(SIZE))[0]
        np.testing.assert_allclose(found[sentence][0][1], best[0], rtol=1e-5)
        assert found[sentence][0][0] == best[1]


def test_a_sentence_does_not_depend_on_its_batch():
    model = FillingTable(sentences=6, size=SIZE, lengths=18, seed=5)
    search = MaskPredict(iterations=6, length_candidates=4, stop_when_stable=True)
    limits = [3, 16, 1, 9, 0, 12]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32)] * 2, autograph=False)
    def call(sentences, limits):
        return search(model, {"ids": sentences[:, None]}, limits, Specials(SIZE))

    together = rows_of(call([*range(6)], limits))
    for sentence, limit in enumerate(limits):
        (alone,) = rows_of(call([sentence], [limit]))
        assert alone[0][0] == together[sentence][0][0]
        np.testing.assert_allclose(alone[0][1:], together[sentence][0][1:], rtol=1e-6)


def test_passes_hide_what_the_papers_count():
    """L = 12 and T = 10: 12, 10, 9, 8, 7, 6, 4, 3, 2, 1; right where floating point is off, too."""
    length, index = tf.constant([12]), tf.range(10)
    counts = [int(hidden_count(length, t, tf.constant(10))[0]) for t in index]
    assert counts == [12, 10, 9, 8, 7, 6, 4, 3, 2, 1]
    assert int(hidden_count(length, tf.constant(10), tf.constant(10))[0]) == 1
    # 10 * (1 - 9 / 10) is 0.9999999999999998 in floating point.
    lengths = range(1, 60)
    for iterations in range(1, 20):
        for t in range(iterations):
            found = hidden_count(*map(tf.constant, (lengths, t, iterations)))
            expected = [max(1, length * (iterations - t) // iterations) for length in lengths]
            assert found.numpy().tolist() == expected


def test_padding_is_never_hidden_and_earlier_ties_are_less_sure():
    log_p = tf.constant([[-1.0, -2.0, -2.0, -0.5, -9.0]])
    valid = tf.constant([[True, True, True, True, False]])
    for count, expected in ((1, [1]), (2, [1, 2]), (3, [0, 1, 2]), (4, [0, 1, 2, 3])):
        hidden = least_sure(log_p, valid, tf.constant([count]))
        assert np.flatnonzero(hidden.numpy()[0]).tolist() == expected


def test_kept_tokens_keep_their_old_probability():
    model = FillingTable(sentences=1, size=SIZE, lengths=18, seed=8)
    search = MaskPredict(iterations=4, length_candidates=1, stop_when_stable=False)
    source = {"ids": tf.constant([[0]])}
    passes, hypotheses = search.trace(model, source, tf.constant([15]), Specials(SIZE))
    assert len(passes) == 4
    assert passes[0].hidden.numpy().all()
    for before, after in pairwise(passes):
        kept = ~after.hidden.numpy()
        np.testing.assert_array_equal(before.tokens.numpy()[kept], after.tokens.numpy()[kept])
        np.testing.assert_array_equal(before.log_p.numpy()[kept], after.log_p.numpy()[kept])
        count = after.hidden.numpy().sum()
        worst = np.sort(np.argsort(before.log_p.numpy()[0], kind="stable")[:count])
        np.testing.assert_array_equal(np.flatnonzero(after.hidden.numpy()[0]), worst)
    (whole,) = rows_of(decode(model, search, [15]))
    assert whole[0][0] == hypotheses.ids.numpy()[0, 0, : hypotheses.lengths.numpy()[0, 0]].tolist()


def test_a_trace_ends_where_a_pass_changes_nothing():
    model = FillingTable(sentences=4, size=SIZE, lengths=10, seed=2)
    search = MaskPredict(iterations=12, length_candidates=1, stop_when_stable=True)
    source = {"ids": tf.constant([[0], [1], [2], [3]])}
    passes, _ = search.trace(model, source, tf.constant([6, 6, 6, 6]), Specials(SIZE))
    for row in range(4):
        changed = [
            bool((after.tokens[row] != before.tokens[row]).numpy().any())
            for before, after in pairwise(passes)
        ]
        hidden = [bool(one.hidden[row].numpy().any()) for one in passes[1:]]
        if False in changed:
            stable = changed.index(False)
            assert all(hidden[: stable + 1])
            assert not any(hidden[stable + 1 :])


@pytest.mark.long
def test_iterations_and_candidates_may_be_tensors():
    model = FillingTable(sentences=3, size=SIZE, lengths=18, seed=4)
    limits = [9, 16, 4]

    @tf.function(autograph=False)
    def call(iterations, candidates):
        search = MaskPredict(iterations=iterations, length_candidates=candidates)
        source = {"ids": tf.constant([[0], [1], [2]])}
        return search(model, source, tf.constant(limits), Specials(SIZE))

    for iterations, candidates in ((1, 1), (7, 3), (3, 50)):
        found = rows_of(call(tf.constant(iterations), tf.constant(candidates)))
        fixed = MaskPredict(iterations=iterations, length_candidates=candidates)
        expected = rows_of(decode(model, fixed, limits))
        assert [row[0][0] for row in found] == [row[0][0] for row in expected]


def test_an_output_ends_at_its_first_end_and_forbidden_words_never_come():
    model = FillingTable(sentences=40, size=SIZE, lengths=18, seed=6, sharpness=0.5)
    found = rows_of(decode(model, MaskPredict(iterations=3), [16] * 40))
    tokens = [token for row in found for token in row[0][0]]
    assert not set(tokens) & {PAD, 1, 2, END, MASK}
    free = rows_of(decode(model, MaskPredict(iterations=3, forbid_specials=False), [16] * 40))
    tokens = {token for row in free for token in row[0][0]}
    assert {PAD, 1, MASK} <= tokens
    assert not tokens & {START, END}
    assert any(len(row[0][0]) < 15 for row in found)


def test_no_length_is_decoded_twice_and_what_a_sentence_lacks_scores_minus_infinity():
    """Lengths 1 and 2 are one candidate; a caller may ask for fewer candidates than outputs."""
    model = FillingTable(sentences=30, size=SIZE, lengths=4, seed=3)
    search = MaskPredict(n_best=3, length_candidates=3, iterations=2)
    for sentence, row in enumerate(rows_of(decode(model, search, [9] * 30))):
        expected = sentence_by_sentence(model, sentence, 9, search, Specials(SIZE))
        assert len(expected) == 2
        for (ids, score, _), (their_score, their_ids, _) in zip(row[:2], expected, strict=True):
            np.testing.assert_allclose(score, their_score, rtol=1e-5)
            assert ids == their_ids
        assert row[2] == ([], float("-inf"), float("-inf"))
    fewer = MaskPredict(n_best=2, length_candidates=tf.constant(1), iterations=2)
    (row,) = rows_of(decode(model, fewer, [9]))
    assert row[0][0]
    assert row[1] == ([], float("-inf"), float("-inf"))


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"iterations": 0}, "iterations"),
        ({"length_candidates": 0}, "length_candidates"),
        ({"n_best": 5}, "n_best"),
        ({"passes": "twice"}, "passes"),
        ({"choose_by": "luck"}, "choose_by"),
    ],
)
def test_options_that_cannot_be_are_refused(options, word):
    with pytest.raises(ValueError, match=word):
        MaskPredict(**options)


def test_a_spec_s_options_make_the_search():
    search = build_search({"kind": "mask_predict", "iterations": 3, "max_length": 20})
    assert isinstance(search, MaskPredict)
    assert (search.iterations, search.max_length.most) == (3, 20)
