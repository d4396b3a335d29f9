"""Batches of the student's own outputs: which, what stands in them, and what is learnt of them."""

import signal

import numpy as np
import own_outputs
import pytest
import tensorflow as tf
from distilled_twice import ONE
from own_outputs import SPECIALS, own, pairs, terms, texts
from real_models import PairBatcher, student
from safetensors.numpy import load_file
from test_resume import outcome

from tfkd.decoding import GreedySearch, Sampling
from tfkd.decoding.sampling import row_seeds
from tfkd.objectives import CrossEntropy, OnlineTeacher
from tfkd.objectives.divergences import DIVERGENCES
from tfkd.training import Distiller, GatedGradients, OnPolicy, Step
from tfkd.training.dropout_keys import step_key
from tfkd.training.loop import WEIGHTS

OWN = "own_outputs"


def tensors(batch):
    return tf.nest.map_structure(tf.convert_to_tensor, batch)


def arrays(batch):
    return tf.nest.map_structure(np.asarray, batch)


def keys(count, seed=1):
    return [tf.constant(step_key(seed, update)) for update in range(1, count + 1)]


def chosen(policy, several):
    """Which keys a policy chooses, in a loop of the graph's."""

    @tf.function(autograph=False)
    def of_all(several):
        return tf.map_fn(policy.chooses, several, fn_output_signature=tf.bool)

    return of_all(tf.stack(several)).numpy()


@pytest.mark.parametrize("share", [0.2, 0.7])
def test_which_batches_is_a_function_of_the_steps_key_with_their_share(share):
    policy = own(share)
    found = chosen(policy, keys(200))
    assert abs(found.mean() - share) < 4 * np.sqrt(share * (1 - share) / 200)
    assert [bool(policy.chooses(key)) for key in keys(9)] == found[:9].tolist()
    assert chosen(policy, keys(50)).tolist() == found[:50].tolist()
    assert chosen(policy, keys(50, seed=2)).tolist() != found[:50].tolist()
    assert chosen(own(1.0), keys(50)).all()


def test_other_batches_are_as_they_were():
    policy, batch = own(0.5), tensors(PairBatcher().batch(0))
    key = next(key for key in keys(50) if not policy.chooses(key))
    found = arrays(policy(student(), batch, key))
    assert not found.pop(OWN)["plain"].any()
    tf.nest.map_structure(np.testing.assert_array_equal, found, arrays(batch))


def test_batches_of_ones_own_need_no_examples():
    batch, key = PairBatcher().batch(0), tf.constant([5, 9])
    whole = arrays(own(1.0)(student(), tensors(batch), key))
    batch.pop("examples")
    found = arrays(own(1.0)(student(), tensors(batch), key))
    tf.nest.map_structure(np.testing.assert_array_equal, found["plain"], whole["plain"])


def drawn_alone(model, ids, seed, limit, specials):
    """A draw of one row by itself, without padding."""
    ids = tf.constant(ids[None], tf.int32)
    found = Sampling(seed=int(seed))(
        model, {"ids": ids, "valid": tf.ones_like(ids, tf.bool)}, tf.constant([limit]), specials
    )
    return found.ids.numpy()[0, 0, : found.lengths.numpy()[0, 0]]


def test_a_translators_rows_are_its_draws_and_nothing_else_changes():
    model, batch, key = student(), PairBatcher(rows=7).batch(3), tf.constant([5, 9])
    found = arrays(own(1.0)(model, tensors(batch), key))
    seeds = row_seeds(key, tf.range(7), 7).numpy()
    assert found[OWN]["plain"].all()
    source, lengths = batch["plain"]["source"], []
    for row, (ids, valid) in enumerate(zip(source["ids"], source["valid"], strict=True)):
        target = {name: value[row] for name, value in found["plain"]["target"].items()}
        if not valid.any():
            assert not target["valid"].any()
            assert not target["selected"].any()
            continue
        limit = 0 if valid.sum() < 2 else min(6, int((valid.sum() - 1) * 1.5 + 10))
        y = drawn_alone(model, ids[valid], seeds[row], limit, SPECIALS)
        lengths.append(len(y))
        read = np.r_[2, y, np.zeros(7 - 1 - len(y))]
        labels = np.r_[y, 3, np.zeros(7 - 1 - len(y))]
        np.testing.assert_array_equal(target["ids"] * target["valid"], read * target["valid"])
        np.testing.assert_array_equal(target["labels"], labels)
        np.testing.assert_array_equal(target["valid"], np.arange(7) <= len(y))
        np.testing.assert_array_equal(target["selected"], target["valid"])
    assert len({*lengths}) > 1
    for one in (found, batch):
        one["plain"].pop("target")
    found.pop(OWN)
    tf.nest.map_structure(np.testing.assert_array_equal, found, arrays(batch))


def test_a_language_model_goes_on_from_its_prompts():
    distiller, batcher = texts(1.0)
    model, batch, key = distiller.student, batcher.batch(1), tf.constant([5, 9])
    found = arrays(distiller.on_policy(model, tensors(batch), key))["plain"]
    record, seeds = batch["plain"], row_seeds(key, tf.range(7), 7).numpy()
    width, written = record["ids"].shape[1], 0
    for row in range(7):
        tokens = int(record["valid"][row].sum())
        if not tokens:
            assert not found["valid"][row].any()
            continue
        prompt = max(int(0.4 * tokens), 1)
        limit = min(width - prompt, int(1.5 * prompt + 10))
        y = drawn_alone(model, record["ids"][row, :prompt], seeds[row], limit, ONE["t"])
        read = np.r_[record["ids"][row, :prompt], y].astype(int)
        count = len(read)
        np.testing.assert_array_equal(found["ids"][row, :count], read)
        np.testing.assert_array_equal(found["labels"][row, :count], np.r_[read[1:], 0])
        assert found["valid"][row].sum() == count
        places = np.flatnonzero(found["selected"][row])
        np.testing.assert_array_equal(places, np.arange(prompt - 1, count))
        written += len(y)
    assert written > 10


def test_the_prompt_of_two_sides_is_the_first():
    policy = own(1.0, specials=ONE["t"])
    types = np.array([[0, 0, 1, 1, 1], [1, 1, 1, 1, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0]], np.int32)
    valid = np.arange(5) < np.array([5, 4, 2, 0])[:, None]
    prompts = policy._prompts({"types": types, "valid": valid})
    np.testing.assert_array_equal(prompts, [3, 2, 2, 0])


def gradients_of(distiller, batch, key, **options):
    found = Step(distiller, **options)(tensors(batch), key)
    return [None if one is None else np.asarray(one) for one in found.gradients], arrays(
        found.statistics
    )


def test_only_the_divergence_from_the_asked_teacher_is_learnt_and_not_through_the_draws():
    batch, key = PairBatcher(uneven=True).batch(0), keys(1)[0]
    ours, said = gradients_of(pairs(1.0)[0], batch, key)
    written = arrays(own(1.0)(student(), tensors(batch), key))
    del written[OWN]
    plain, _ = pairs(None)
    alone = Distiller(student(), [plain.terms[1]], teachers={"big": own_outputs.teacher()})
    alone.terms[0].attach(alone.student, {"big": plain.terms[1].online})
    wanted, expected = gradients_of(alone, written, key)
    for one, other in zip(ours, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    positions = written["plain"]["target"]["selected"].sum()
    assert said["count/soft"] == positions != batch["plain"]["target"]["selected"].sum()
    for name in ("sum/soft", "loss", "metric_sum/soft.kl"):
        np.testing.assert_allclose(said[name], expected[name], rtol=1e-5)
    silent = [
        f"{what}/{name}" for what in ("sum", "count") for name in ("words", "stored", "other")
    ]
    silent += [name for name in said if name.startswith("metric_") and ".kl" not in name]
    silent += [name for name in said if "stored.kl" in name]
    assert len(silent) > 12
    assert {name: float(said[name]) for name in silent} == dict.fromkeys(silent, 0.0)


@pytest.mark.long
@pytest.mark.parametrize("divergence", DIVERGENCES)
@pytest.mark.parametrize("gated", [False, True])
def test_slices_of_a_step_add_up_with_each_divergence(divergence, gated):
    """Of own outputs and of the text's, with gradients that are gated, too."""
    batch = PairBatcher(rows=6, uneven=True).batch(0)
    policy = own(0.5)
    chosen = {bool(policy.chooses(key)): key for key in keys(20)}
    for key in chosen.values():
        found = []
        for options in ({}, {"micro_batches": 3}, {"micro_batches": 1, "streams": 2}):
            combiner = GatedGradients() if gated else None
            distiller, _ = pairs(0.5, combiner=combiner, divergence=divergence)
            if gated:
                distiller.terms[-1].group = distiller.terms[0].group = "auxiliary"
            found.append(gradients_of(distiller, batch, key, **options))
        (one, said), *others = found
        for other, told in others:
            for ours, theirs in zip(one, other, strict=True):
                np.testing.assert_allclose(ours, theirs, atol=2e-6)
            for name, value in said.items():
                np.testing.assert_allclose(value, told[name], rtol=1e-4, atol=1e-5, err_msg=name)


def test_what_cannot_be_asked_is_refused():
    for options in ({"share": 0.0}, {"share": 1.1}, {"prompt": 1.0}):
        with pytest.raises(ValueError, match="share above 0, at most 1"):
            own(**options)
    with pytest.raises(ValueError, match="one that draws, with a `seed`, one output"):
        OnPolicy(share=0.5, search=GreedySearch(), specials=SPECIALS)
    with pytest.raises(ValueError, match="with an online teacher, which says something"):
        Distiller(student(), [CrossEntropy()], on_policy=own())
    with pytest.raises(ValueError, match="with an online teacher"):
        Distiller(student(), terms(), on_policy=own())
    encoder = terms(module="encoder")[1]
    teachers = {"big": OnlineTeacher(student(), start_id=2, end_id=3)}
    with pytest.raises(ValueError, match="with an online teacher"):
        Distiller(student(), [encoder], teachers=teachers, on_policy=own())


@pytest.mark.long
def test_a_training_that_was_killed_comes_to_the_same_weights(run_script, tmp_path):
    """In the middle of steps on own outputs and on others, with dropout."""
    own_outputs.train(tmp_path / "whole")
    killed = tmp_path / "killed"
    killed.mkdir()
    done = run_script("own_outputs.py", killed, 17)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    assert not (killed / WEIGHTS).exists()
    own_outputs.train(killed)
    assert outcome(killed) == outcome(tmp_path / "whole")
    chosen = [bool(own().chooses(key)) for key in keys(30)]
    assert 5 < sum(chosen) < 25
    assert load_file(killed / WEIGHTS)
