"""A plugin's loss, against NumPy in float64: with a stored teacher and with one that is asked."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tfkd.objectives import OnlineTeacher, objective_forward, term_counts
from tfkd.spec.options.objectives import TermOptions

SIZE, WIDTH, ROWS, LENGTH = 11, 5, 3, 7


class Head:
    """logits = h M^T + b."""

    vocabulary_size = SIZE

    def __init__(self, rng):
        self.weights = [tf.Variable(rng.normal(size=shape), dtype=tf.float32)
                        for shape in ((SIZE, WIDTH), (SIZE,))]  # fmt: skip

    def transform(self, hidden):
        return hidden

    def matrix(self):
        return tf.convert_to_tensor(self.weights[0])

    def bias(self):
        return tf.convert_to_tensor(self.weights[1])


class Model:
    """A state of its own for each id."""

    input_layout = "sequence"

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.table, self.head = (
            tf.Variable(rng.normal(size=(SIZE, WIDTH)), dtype=tf.float32),
            Head(rng),
        )
        self.variables = [self.table, *self.head.weights]

    def __call__(self, record, training=False):
        return {"hidden": tf.gather(tf.convert_to_tensor(self.table), record["ids"])}

    def logits(self, record):
        table, matrix, bias = (np.asarray(one, np.float64) for one in self.variables)
        return table[record["ids"]] @ matrix.T + bias


def log_softmax(logits):
    return (
        logits
        - np.log(np.exp(logits - logits.max(-1, keepdims=True)).sum(-1, keepdims=True))
        - (logits.max(-1, keepdims=True))
    )


def expected(student, taught, record, selected):
    """The sum, and its gradients by the table, the matrix and the bias: with p = softmax(z), the
    derivative of the KL by z is p (log p - log q - KL)."""
    table, matrix, _ = (np.asarray(one, np.float64) for one in student.variables)
    log_p = log_softmax(student.logits(record))
    p = np.exp(log_p)
    divergence = (p * (log_p - taught)).sum(-1, keepdims=True)
    by_logits = p * (log_p - taught - divergence) * selected[..., None]
    by_table = np.zeros_like(table)
    np.add.at(by_table, record["ids"], by_logits @ matrix)
    by_matrix = np.einsum("btv,btd->vd", by_logits, table[record["ids"]])
    return divergence[selected].sum(), by_table, by_matrix, by_logits.sum((0, 1))


@pytest.mark.parametrize("asked", [True, False], ids=["online", "stored"])
def test_its_value_and_gradient_are_those_of_the_formula(join, asked):
    rng = np.random.default_rng(4)
    student, teacher = Model(1), Model(2)
    record = {
        name: rng.integers(0, SIZE, (ROWS, LENGTH)).astype(np.int32) for name in ("ids", "labels")
    }
    valid = np.arange(LENGTH) < np.array([7, 4, 0])[:, None]
    record |= {"valid": valid, "selected": valid & (rng.random(valid.shape) < 0.8)}
    batch, selected = (
        {"plain": record, "stores": {}, "examples": np.arange(ROWS)},
        record["selected"],
    )
    taught = log_softmax(teacher.logits(record))
    term = join("reverse_kl").ReverseKL(teacher="teach", weight=2.0)
    online = {"teach": OnlineTeacher(teacher, start_id=0, end_id=1)} if asked else {}
    if not asked:  # its four likeliest; some rows were too long to be scored
        present = rng.random(valid.shape) < 0.7
        ids = np.argsort(-taught, -1)[..., :4].astype(np.int32)
        stored = np.take_along_axis(taught, ids, -1).astype(np.float32)
        batch["stores"]["teach"] = {"ids": ids, "log_probabilities": stored, "present": present}
        rest = np.log1p(-np.exp(stored.astype(np.float64)).sum(-1, keepdims=True)) - np.log(
            SIZE - 4
        )
        taught = np.repeat(rest, SIZE, -1)
        np.put_along_axis(taught, ids, stored.astype(np.float64), -1)
        selected = selected & present
    term.attach(student, online)
    counts = term_counts([term], batch)
    assert counts["reverse_kl"] == selected.sum() > 0
    with tf.GradientTape() as tape:
        found = objective_forward(student, [term], batch, counts, True)
    total, *gradients = expected(student, taught, record, selected)
    np.testing.assert_allclose(found.sums["reverse_kl"], total, rtol=1e-5)
    np.testing.assert_allclose(found.loss, 2 * total / selected.sum(), rtol=1e-5)
    for gradient, want in zip(tape.gradient(found.loss, student.variables), gradients, strict=True):
        want = 2 * want / selected.sum()
        np.testing.assert_allclose(tf.convert_to_tensor(gradient), want, rtol=1e-4, atol=5e-6)


def test_its_options_are_those_of_terms(join):
    options = join("reverse_kl").ReverseKLOptions
    assert {*options.model_fields} == {*TermOptions.model_fields, "kind", "teacher"}


@pytest.mark.long
def test_a_spec_that_names_it_runs_whole(whole_run):
    objective = {"cross_entropy": {}, "reverse_kl": {"teacher": "targets"}}
    change = f"stages.train_student.objective={json.dumps(objective)}"
    run = whole_run("multi30k_deen", "reverse_kl", change)
    histories = [*run.glob("train_student*/history.jsonl")]
    assert all("reverse_kl" in one.read_text("utf-8") for one in histories)
    assert histories
    assert json.loads((run / "results.json").read_text("utf-8"))["exports"]
