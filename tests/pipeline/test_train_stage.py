"""What a training stage makes of its options before it trains."""

from types import SimpleNamespace

import pytest

from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.kinds import task_named
from tfkd.pipeline.engine.workers import strategy_of
from tfkd.pipeline.stages import train
from tfkd.pipeline.stages.stored_targets import stores_of
from tfkd.pipeline.stages.training_batches import max_length
from tfkd.spec.builtins import register_builtins
from tfkd.spec.errors import UserError
from tfkd.spec.options import BertOptions, TransformerOptions

SIZES = {"tokenizer": "joint", "width": 8, "heads": 2}


class Stage(SimpleNamespace):
    """A node of the graph, as far as it is asked for."""

    inputs_of = Node.inputs_of


def transformer(**given):
    return TransformerOptions(encoder_layers=1, decoder_layers=1, **SIZES, **given)


BERT = BertOptions(layers=1, max_length=32, **SIZES)
PAIR = transformer(positions="learned", max_length=32)


def student_of(model, given):
    """A stage that trains this student without teachers."""
    batch = SimpleNamespace(max_length=given, pad_to=4)
    return Stage(
        inputs={},
        options=SimpleNamespace(train="student", batch=batch, objective={}),
        model=model,
    )


def test_stored_targets_are_for_an_encoder_decoder():
    """Row t belongs to target word t; in a sequence that word stands elsewhere."""
    register_builtins()
    node = Stage(
        label="learn",
        inputs={"teacher.soft": SimpleNamespace(kind="score", gives={"targets"})},
        options=SimpleNamespace(
            train="student", objective={"soft": SimpleNamespace(teacher="targets")}
        ),
        model=BertOptions(layers=1, **SIZES),
        task=task_named("masked_lm"),
    )
    message = r"stages\.learn\.objective\.soft\.teacher: targets stored .* student \(bert\) reads"
    with pytest.raises(UserError, match=message):
        stores_of(node, None)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, {"target": 19}),
        (600, {"source": 600, "target": 19}),
        ({"target": 10}, {"target": 10}),
    ],
)
def test_a_table_of_lengths_limits_targets_alone(given, expected):
    """Of 20 rows the first is [LENGTH]'s own: the longest target has 19 tokens."""
    model = transformer(max_length=510, lengths=20)
    assert max_length(student_of(model, given)) == expected


@pytest.mark.parametrize(
    ("positions", "given", "expected"),
    [
        ("sinusoidal", None, None),
        ("sinusoidal", 600, 600),
        ("learned", None, {"source": 508, "target": 508}),
        ("learned", 600, {"source": 508, "target": 508}),
        ("learned", 100, {"source": 100, "target": 100}),
        ("learned", {"target": 600}, {"source": 508, "target": 508}),
        ("learned", {"source": 9}, {"source": 9, "target": 508}),
    ],
)
def test_the_batchs_max_length_is_within_the_learned_positions(positions, given, expected):
    model = transformer(positions=positions, max_length=510)
    assert max_length(student_of(model, given)) == expected


@pytest.mark.parametrize(
    ("teacher", "given", "expected"),
    [
        # A BERT reads [CLS] before a source that is padded to a multiple of 4.
        (BERT, None, {"source": 28}),
        (BERT, 100, {"source": 28, "target": 100}),
        (BERT, {"source": 9}, {"source": 9}),
        (PAIR, 30, {"source": 30, "target": 30}),
        (PAIR, None, {"source": 32, "target": 32}),
    ],
)
def test_the_batchs_max_length_is_within_an_online_teachers_positions(teacher, given, expected):
    online = SimpleNamespace(kind="train", gives={"model"}, model=teacher)
    node = Stage(
        inputs={"teacher.mask": online},
        options=SimpleNamespace(
            train="student",
            batch=SimpleNamespace(max_length=given, pad_to=4),
            objective={"mask": SimpleNamespace(teacher="tuned")},
        ),
        model=transformer(),
    )
    assert max_length(node) == expected


def test_a_model_without_a_width_trains_by_any_schedule_but_noam():
    def node(kind):
        return SimpleNamespace(
            label="learn",
            options=SimpleNamespace(train="student", schedule=SimpleNamespace(kind=kind)),
            model=SimpleNamespace(kind="counter"),
        )

    assert train._width(node("linear"), SimpleNamespace()) is None
    assert train._width(node("noam"), SimpleNamespace(width=6)) == 6
    with pytest.raises(UserError, match=r"stages\.learn\.schedule: noam needs .* \(counter\)"):
        train._width(node("noam"), SimpleNamespace())


def test_more_devices_than_there_are_is_the_users_to_mend():
    with pytest.raises(UserError, match=r"runtime\.devices: 4096 are asked for"):
        strategy_of(4096)
