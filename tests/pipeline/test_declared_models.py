"""`tfkd.build`: the models that a spec declares, and how Keras's `compile` and `fit` train them."""

import itertools
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_classes import write_opinions, write_readings

import tfkd
from tfkd.data import Batcher, BatchPlan, ExampleSet, Part, build_view
from tfkd.data.classes import LABELS
from tfkd.data.layouts import Specials
from tfkd.data.ragged import Ragged
from tfkd.models import Bert, variables_by_path
from tfkd.objectives import CrossEntropy, MaskedLM
from tfkd.pipeline.plan.smoke import smoke_spec
from tfkd.spec import load_spec
from tfkd.training import Distiller

SPECS = Path(__file__).parents[2] / "specs"
SPECIALS = {"joint": Specials(0, 1, 2, 3, 4, (0, 1, 2, 3, 4), 150)}


@pytest.fixture(scope="module")
def opinions(tmp_path_factory):
    """Teacher and student are pre-trained on words and tuned on classes."""
    return load_spec(write_opinions(tmp_path_factory.mktemp("opinions")))


@pytest.fixture(scope="module")
def readings(tmp_path_factory):
    """Both learn classes alone."""
    return load_spec(write_readings(tmp_path_factory.mktemp("readings")))


def test_a_declared_classifier_has_its_head(readings, opinions):
    for model in tfkd.build(readings, classes=2).values():
        assert {name: head.vocabulary_size for name, head in model.heads.items()} == {
            "classifier": 2
        }
    built = tfkd.build(opinions, classes={"teacher": 3, "student": 5})
    assert [model.heads["classifier"].vocabulary_size for model in built.values()] == [3, 5]
    for model in built.values():  # and the one that a stage pre-trains
        assert model.head.vocabulary_size == 150
        twin = Bert.from_config(model.get_config())
        assert list(variables_by_path(twin)) == list(variables_by_path(model))


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (None, r"argument `classes`. Expected how many .*Received: None for teacher, None for st"),
        (1, "Received: 1 for teacher, 1 for student"),
        (True, "Received: True for teacher"),
        ({"teacher": 2}, r"Received: None for student$"),
        ({"teacher": 2, "studnet": 2}, r"over classes of the spec: teacher, student.*: studnet"),
    ],
)
def test_how_many_classes_is_to_be_said(readings, classes, message):
    with pytest.raises(ValueError, match=message):
        tfkd.build(readings, classes=classes)


def test_sizes_are_of_what_the_spec_has(readings):
    spec = load_spec(SPECS / "quickstart.yaml")
    with pytest.raises(ValueError, match="Expected none: no model of the spec has a head over"):
        tfkd.build(spec, classes=2)
    with pytest.raises(ValueError, match=r"argument `sizes`. Expected names .*: joint. .*: jiont"):
        tfkd.build(readings, sizes={"jiont": 90}, classes=2)


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("multi30k_deen", {"teacher": "Bert", "student": "Transformer"}),
        ("lightpaff_gpt2_ptb", {"teacher": "Gpt2", "student": "Gpt2"}),
        (
            "abnet_multi30k_deen",
            {"teacher.german": "Bert", "teacher.english": "Bert", "student": "AbNet"},
        ),
    ],
)
def test_models_of_words_have_a_head_over_them(name, kinds):
    built = tfkd.build(smoke_spec(load_spec(SPECS / f"{name}.yaml")))
    assert {name: type(model).__name__ for name, model in built.items()} == kinds
    for name, model in built.items():
        assert model.head.vocabulary_size == model.vocabulary_size
        assert model.name == name


@pytest.mark.long
def test_a_variant_builds_its_own(tmp_path):
    text = (SPECS / "quickstart.yaml").read_text("utf-8")
    path = tmp_path / "spec.yaml"
    path.write_text(
        text.replace("\nvariants:\n", "\nvariants:\n  wide: {student.width: 112}\n"), "utf-8"
    )
    built = [tfkd.build(load_spec(path, variant=variant)) for variant in (None, "wide")]
    assert [models["student"].width for models in built] == [64, 112]


def rows(count):
    """Texts of words of their class."""
    draw = np.random.default_rng(1)
    labels = np.arange(count) % 3
    texts = [draw.integers(10, 50, 4) + 40 * label for label in labels]
    fields = {("text", "joint"): Ragged.from_rows(texts)}
    fields[LABELS] = Ragged(labels.astype(np.int32), np.arange(count + 1))
    return ExampleSet([Part("texts", fields, count)])


@pytest.mark.long
def test_compile_and_fit_teach_a_built_classifier_by_its_terms(opinions):
    """First masked words, then classes, with one model and two Distillers."""
    model, examples = tfkd.build(opinions, classes=3)["teacher"], rows(48)
    found = {}
    for kind, options, term, epochs in (
        ("mlm", {"p": 0.3}, MaskedLM(), 1),
        ("classify", {"classes": 3, "max_length": 16}, CrossEntropy(head="classifier"), 6),
    ):
        view = build_view(kind, {"text": "joint"}, SPECIALS, **options)
        plan = BatchPlan(view.lengths(examples), size=24, unit="sentences", seed=1)
        batcher = Batcher(examples, {"plain": view}, plan)
        distiller = Distiller(model, [term])
        distiller.compile(optimizer=keras.optimizers.Adam(0.02), run_eagerly=True)
        batches = ((batcher.batch(number),) for number in itertools.count())
        history = distiller.fit(batches, steps_per_epoch=2, epochs=epochs, verbose=0).history
        found[kind] = history[term.name]
    assert found["mlm"][0] == pytest.approx(np.log(150), rel=0.2)
    assert found["classify"][0] < 1.5 * np.log(3)
    assert found["classify"][-1] < 0.75 * found["classify"][0]
    record = view(examples, np.arange(3), 0, 0)
    states = model.predict(record, verbose=0)
    logits = model.heads["classifier"].logits(tf.constant(states["hidden"][:, 0]))
    assert logits.shape == (3, 3)


def test_a_built_classifier_by_itself_is_refused(readings):
    student = tfkd.build(readings, classes=2)["student"]
    student.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    ids = np.full((4, 5), 7, np.int32)
    with pytest.raises(ValueError, match=r"Compile and fit tfkd.training.Distiller"):
        student.fit({"ids": ids}, np.zeros([4], np.int32), verbose=0)
