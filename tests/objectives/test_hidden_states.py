"""Hidden states of a student and of a teacher that is asked in the step, against NumPy float64."""

import itertools

import numpy as np
import pytest
from rings import few

from tfkd.objectives import (
    HiddenStates,
)
from tfkd.spec.checks.layer_pairs import layer_pairs

from .online_teachers import (
    CLS,
    SEP,
    attached,
    batch_of,
    by_row,
    float64,
    forward,
    student,
    teacher,
)

LAYERS = ["last", "second_to_last", "every", "mix", {"layer_1": "embedding", "hidden": "mix"}]


CASES = itertools.product(("all", "selected"), LAYERS, ("mean", "sum"))


@pytest.mark.parametrize(("at", "layers", "over_width"), few(CASES, 7, 11, 12, 15, 16, 19))
def test_hidden_states_are_compared_as_the_formula_says(layers, at, over_width):
    online, model, batch = teacher(), student(), batch_of()
    term = attached(
        HiddenStates(
            teacher="bert", view="masked", layers=layers, at=at, over_width=over_width,
            module="encoder",
        ),
        model, online,
    )  # fmt: skip
    draw = np.random.default_rng(1)
    for variable in term.weights:
        variable.assign(draw.normal(size=variable.shape))
    side = batch["masked"]["source"]
    chosen = side["selected"] if at == "selected" else side["valid"] & (side["ids"] != SEP)
    states = model(batch["masked"])

    def weight(path):
        return float64(next(v for v in term.weights if v.path.endswith(path)))

    total = 0.0
    for own, other in term.pairs.items():
        kernel, bias = (weight(f"projection_{own}/{name}") for name in ("kernel", "bias"))
        ours = float64(states[f"encoder.{own}"]) @ kernel + bias
        for row, theirs in enumerate(by_row(online, side)):
            if other == "mix":
                w = weight(f"mix_{own}")
                shares = np.exp(w) / np.exp(w).sum()
                state = sum(s * theirs[f"layer_{n + 1}"] for n, s in enumerate(shares))
            else:
                state = theirs[other]
            for place in np.flatnonzero(chosen[row]):
                total += ((ours[row, place] - state[place]) ** 2).sum()
    total /= 12 if over_width == "mean" else 1
    assert float(forward(model, [term], batch).sums["hidden_states"]) == pytest.approx(
        total, rel=1e-4
    )
    assert float(term.count(batch)) == chosen.sum()


def test_equal_states_without_a_projection_have_no_distance():
    online = teacher(dropout=0.0)
    record = {"ids": np.array([[CLS, 7, 8, SEP]], np.int32), "valid": np.ones((1, 4), bool)}
    term = HiddenStates(teacher="bert", layers="every", projection="none")
    term.attach(online.model, {"bert": online})
    batch = {"examples": np.arange(1), "plain": record}
    assert float(forward(online.model, [term], batch).loss) == 0.0
    assert not term.weights


def test_layers_are_paired_by_their_share_of_the_depth():
    assert layer_pairs("every", 3, 12) == {
        "layer_1": "layer_4", "layer_2": "layer_8", "hidden": "hidden"
    }  # fmt: skip
    assert layer_pairs("every", 4, 6) == {
        "layer_1": "layer_2", "layer_2": "layer_3", "layer_3": "layer_5", "hidden": "hidden"
    }  # fmt: skip
    assert layer_pairs("second_to_last", 3, 12) == {"hidden": "layer_11"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": {"layer_9": "hidden"}}, "Expected states of the student: embedding, layer_1"),
        ({"layers": {"hidden": "layer_4"}}, "Expected states of the teacher: .* Received: layer_4"),
        ({"projection": "none"}, "width 8 and a teacher of width 12"),
        ({"layers": "first"}, "Expected one of last, second_to_last, every, mix"),
    ],
)
def test_states_that_do_not_exist_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        attached(HiddenStates(teacher="bert", module="encoder", **options), student(), teacher())
