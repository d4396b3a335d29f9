"""Gated gradients (P2, section 3.3): equation 6, what is gated, and what never is."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from mask_task import PairAndMaskBatcher, distiller, student
from rings import few

from tfkd.layers.fusion import fusing, is_fusing
from tfkd.objectives import CrossEntropy
from tfkd.training import Distiller, GatedGradients, Step, Sum
from tfkd.training.optimization.gradient_gating import module_of
from tfkd.training.optimization.parameters import Parameter


class Variable:
    """What a combiner sees of a weight's variable."""

    def __init__(self, shape):
        self.shape = shape


PATHS = [
    "source_embedding/table",
    "encoder/layer_1/self_attention/query_key_value/kernel",
    "encoder/layer_1/self_attention_norm/scale",
    "encoder/layer_1/feed_forward/inner/kernel",
    "encoder/layer_2/feed_forward/inner/kernel",
    "encoder/final_norm/scale",
    "decoder/layer_1/self_attention/query_key_value/kernel",
]
LAYERS = {
    "layer": ["embedding", *["encoder.layer_1"] * 3, "encoder.layer_2", "encoder.final_norm"],
    "sublayer": [
        "embedding", *["encoder.layer_1.self_attention"] * 2, "encoder.layer_1.feed_forward",
        "encoder.layer_2.feed_forward", "encoder.final_norm",
    ],
    "encoder": ["encoder"] * 6,
}  # fmt: skip


@pytest.mark.parametrize("modules", LAYERS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_equation_6_holds_exactly_for_quadratic_losses(modules, seed):
    draw = np.random.default_rng(seed)
    parameters = [Parameter(path, Variable((3, 2))) for path in PATHS]
    parameters.append(Parameter("terms/soft/classifier/matrix", Variable((3, 2)), owner="term"))
    # |w - a|^2 / 2 and |w - b|^2 / 2 at w = 0 have the gradients -a and -b, in whole numbers.
    main = draw.integers(-2, 3, (len(parameters), 3, 2)).astype(np.float32)
    other = draw.integers(-2, 3, (len(parameters), 3, 2)).astype(np.float32)
    groups = {
        "main": [tf.constant(g) for g in main[:-1]] + [None],
        "auxiliary": [tf.constant(g) for g in other[:6]] + [None, tf.constant(other[7])],
    }
    combined = GatedGradients(modules)(groups, parameters)
    names = LAYERS[modules]
    products = {
        name: sum((main[i] * other[i]).sum() for i in range(6) if names[i] == name)
        for name in names
    }
    for i, name in enumerate(names):
        expected = main[i] + other[i] if products[name] > 0 else main[i]
        np.testing.assert_array_equal(combined.gradients[i], expected)
    np.testing.assert_array_equal(combined.gradients[6], main[6])
    np.testing.assert_array_equal(combined.gradients[7], other[7])
    shown = {f"gated/{name}": float(product <= 0) for name, product in products.items()}
    assert {name: float(value) for name, value in combined.metrics.items()} == shown


def test_a_product_of_zero_is_gated():
    parameters = [Parameter("encoder/layer_1/x/kernel", Variable((2,)))]
    groups = {"main": [tf.constant([1.0, 0.0])], "auxiliary": [tf.constant([0.0, 1.0])]}
    combined = GatedGradients()(groups, parameters)
    np.testing.assert_array_equal(combined.gradients[0], [1.0, 0.0])
    assert float(combined.metrics["gated/encoder.layer_1"]) == 1.0


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_what_overflowed_reaches_the_check_of_the_step(bad):
    parameters = [Parameter("encoder/layer_1/x/kernel", Variable((2,)))]
    groups = {"main": [tf.constant([1.0, 1.0])], "auxiliary": [tf.constant([bad, 1.0])]}
    assert not np.isfinite(GatedGradients()(groups, parameters).gradients[0]).all()


def test_positions_and_embeddings_are_one_module():
    for path in ("embedding/table", "encoder_positions/table", "embedding/tokens/table"):
        assert module_of(path, "layer") == "embedding"
    assert module_of("head/bias", "layer") == "head"
    assert module_of("encoder/layer_3/feed_forward_norm/scale", "sublayer") == (
        "encoder.layer_3.feed_forward"
    )


def step_of(model, batch, combiner=None):
    return Step(model, combiner=combiner)(batch, tf.constant([1, 2]))


def by_path(model, result):
    return {
        parameter.path: None if gradient is None else gradient.numpy()
        for parameter, gradient in zip(model.parameters, result.gradients, strict=True)
    }


def words(name, weight, group="main"):
    return CrossEntropy(name=name, weight=weight, group=group)


def test_always_open_is_the_sum():
    """The auxiliary loss is the main one again: every product is a square."""
    model = Distiller(student(), [words("one", 1.0), words("two", 0.5, "auxiliary")])
    batch = PairAndMaskBatcher().batch(0)
    gated, summed = (by_path(model, step_of(model, batch, c)) for c in (GatedGradients(), Sum()))
    assert gated.keys() == summed.keys()
    for path, gradient in summed.items():
        np.testing.assert_allclose(gated[path], gradient, atol=1e-6, err_msg=path)


def test_never_open_is_the_translation_alone():
    """The auxiliary loss is the main one with its sign turned."""
    model = Distiller(student(), [words("one", 1.0), words("two", -0.5, "auxiliary")])
    alone = Distiller(model.student, [words("one", 1.0)])
    batch = PairAndMaskBatcher().batch(0)
    result = step_of(model, batch, GatedGradients())
    gates = {n: float(v) for n, v in result.statistics.items() if n.startswith("combiner/")}
    assert gates
    assert set(gates.values()) == {1.0}
    gated, plain = by_path(model, result), by_path(alone, step_of(alone, batch))
    for path, gradient in plain.items():
        np.testing.assert_allclose(gated[path], gradient, atol=1e-6, err_msg=path)


def closed_batch(model):
    """A batch whose encoder is gated."""
    batcher = PairAndMaskBatcher()
    for number in range(40):
        batch = batcher.batch(number)
        result = step_of(model, batch)
        if float(result.statistics["combiner/gated/encoder"]) == 1.0:
            return batch, result
    raise AssertionError("no batch closes the gate")


def test_the_classifier_learns_though_everything_is_gated():
    model = distiller(modules="encoder")
    batch, result = closed_batch(model)
    gated = by_path(model, result)
    alone = Distiller(model.student, [CrossEntropy(name="words", label_smoothing=0.1)])
    for path, gradient in by_path(alone, step_of(alone, batch)).items():
        np.testing.assert_allclose(gated[path], gradient, atol=1e-6, err_msg=path)
    summed = by_path(model, step_of(model, batch, Sum()))
    own = [path for path in gated if path.startswith("terms/")]
    assert len(own) >= 4
    for path in own:
        assert np.abs(gated[path]).max() > 1e-4, path
        np.testing.assert_allclose(gated[path], summed[path], atol=1e-6, err_msg=path)
    assert np.abs(summed["encoder/layer_1/feed_forward/inner/kernel"]
                  - gated["encoder/layer_1/feed_forward/inner/kernel"]).max() > 1e-4  # fmt: skip


@pytest.mark.parametrize("combiner", few([GatedGradients(), Sum()], 0))
def test_the_decoders_update_does_not_depend_on_the_mask_task(combiner):
    model, batch = distiller(), PairAndMaskBatcher().batch(3)
    alone = Distiller(model.student, [CrossEntropy(name="words", label_smoothing=0.1)])
    both, plain = (
        by_path(model, step_of(model, batch, combiner)),
        by_path(alone, step_of(alone, batch)),
    )
    decoder = [p for p in plain if p.startswith(("decoder", "target_embedding", "head"))]
    assert decoder
    for path in decoder:
        np.testing.assert_allclose(both[path], plain[path], atol=1e-6, err_msg=path)


def test_groups_share_the_forward_pass_of_a_view():
    """Hidden states of the words as they are: the encoder is read once for both groups."""
    calls = []
    model = distiller(hidden_view=None)
    encode = model.student.encode

    def counted(*arguments, **options):
        calls.append(1)
        return encode(*arguments, **options)

    model.student.encode = counted
    step_of(model, PairAndMaskBatcher().batch(0), GatedGradients())
    assert len(calls) == 2  # the plain view, and the masked one


def test_terms_without_a_partner_are_left_as_they_are():
    model = Distiller(student(), [words("one", 1.0)], GatedGradients())
    batch = PairAndMaskBatcher().batch(0)
    one, other = (by_path(model, step_of(model, batch, c)) for c in (GatedGradients(), Sum()))
    for path, gradient in one.items():
        np.testing.assert_array_equal(gradient, other[path])


@pytest.mark.long
def test_fit_trains_with_gates_and_an_online_teacher():
    import keras

    model = distiller(dropout=0.1)
    frozen = {v.path: v.numpy() for v in model.terms[1].online.model.weights}
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    batcher = PairAndMaskBatcher()
    batches = ((batcher.batch(number),) for number in range(60))
    history = model.fit(batches, steps_per_epoch=20, epochs=3, verbose=0).history
    assert history["words"][-1] < history["words"][0]
    assert history["mask_task.kl"][-1] < history["mask_task.kl"][0]
    for variable in model.terms[1].online.model.weights:
        np.testing.assert_array_equal(variable.numpy(), frozen[variable.path])


@pytest.mark.long
def test_xla_compiles_gated_steps():
    """A persistent tape looks into the pass over the vocabulary, whose loop XLA must know."""
    model, batch = distiller(), PairAndMaskBatcher().batch(0)
    plain = step_of(model, batch)
    compiled = Step(model, jit_compile=True)(batch, tf.constant([1, 2]))
    assert model.static_shapes
    for parameter, one, other in zip(
        model.parameters, plain.gradients, compiled.gradients, strict=True
    ):
        np.testing.assert_allclose(one, other, atol=2e-6, err_msg=parameter.path)
    told = [name for name in plain.statistics if name.startswith("combiner/")]
    assert told
    for name in told:
        assert float(compiled.statistics[name]) == float(plain.statistics[name])


@pytest.mark.parametrize(
    ("policy", "tolerance"), few([("mixed_bfloat16", 3e-2), ("mixed_float16", 5e-3)], 0)
)
def test_half_precision_gives_the_losses_of_float32(policy, tolerance):
    batch = PairAndMaskBatcher().batch(1)
    found = {}
    for name in ("float32", policy):
        model = distiller(name)
        result = model.objective(batch, model.counts(batch), training=False)
        found[name] = {term: float(value) for term, value in result.sums.items()}
    assert found[policy] == pytest.approx(found["float32"], rel=tolerance)


@pytest.mark.long
def test_nothing_is_compiled_for_the_number_of_masked_words():
    """It differs from step to step: a compiled chain would be made anew each time."""
    model, batch = distiller(), PairAndMaskBatcher().batch(0)
    head, seen = model.terms[1].online.head, []
    transform = head.transform

    def watched(hidden):
        seen.append(is_fusing())
        return transform(hidden)

    head.transform = watched
    with fusing():
        model.objective(batch, model.counts(batch), training=True)
    assert seen == [False, False]  # of the whole distribution, and of the top K
