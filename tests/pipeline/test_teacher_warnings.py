"""Warnings of teachers: each is told of once, however often it is measured."""

from types import SimpleNamespace

import pytest

from tfkd.pipeline.scoring.teacher_warnings import teacher_warnings
from tfkd.spec.options.stages import DataPart
from tfkd.spec.options.training import KeepBest
from tfkd.spec.stages.score import ScoreOptions


def measured(
    on, accuracy, seen, model="bert", of="targets", read="masked", pairs=False, kind="score",
    keep="last", task=None, **more,
):  # fmt: skip
    """A check and its entry in results.json; `pairs`: of an encoder-decoder."""
    options = ScoreOptions(score="tuned", data=[DataPart(of="train")], read=read)
    trained = SimpleNamespace(validate_=SimpleNamespace(keep=keep))
    task = task or SimpleNamespace(unit="positions", Options=SimpleNamespace(over_classes=False))
    inputs = {"model": SimpleNamespace(key=model, options=trained)}
    model_of = SimpleNamespace(encoder_decoder=pairs, encoder_only=not pairs)
    teacher = SimpleNamespace(kind=kind, inputs=inputs, options=options, task=task, model=model_of)
    entry = {"of": of, "on": on, "metrics": {"accuracy": accuracy, "positions": 1000},
             "verdict": "clearly better", "message": "It knows more.", **more}  # fmt: skip
    return SimpleNamespace(on=on, teacher=teacher, seen=seen), entry


def told(*measurements):
    return teacher_warnings(*zip(*measurements, strict=True), None)


def test_a_teacher_that_knows_unseen_rows_as_well_is_not_told_of():
    assert told(measured("train", 0.80, True), measured("valid", 0.79, False)) == []
    assert teacher_warnings([], [], None) == []


def test_what_fails_is_told_on_each_corpus():
    weak = {"verdict": "not clearly better", "message": "It knows less."}
    found = told(measured("train", 0.5, True, **weak), measured("valid", 0.49, False, **weak))
    assert found == ["targets on train: It knows less.", "targets on valid: It knows less."]


def test_several_corpora_make_one_warning_of_the_pair_furthest_apart():
    (one,) = told(
        measured("train", 0.80, True),
        measured("extra", 0.85, True),
        measured("valid", 0.70, False),
        measured("test_2016", 0.60, False),
        measured("test_2017", 0.65, False),
    )
    assert one.startswith("targets on extra: The teacher is right at 85.0 %")
    assert "60.0 % on test_2016" in one


def test_students_of_several_seeds_make_one_warning_of_their_teacher():
    rows = [measured("train", 0.8, True), measured("valid", 0.6, False)]
    (one,) = told(*rows, *rows, *rows)
    assert "seeds" not in one


def test_other_names_of_one_model_make_one_warning():
    rows = [measured(on, accuracy, seen, of=of) for of in ("targets", "again#baseline")
            for on, accuracy, seen in (("train", 0.8, True), ("valid", 0.6, False))]  # fmt: skip
    assert len(told(*rows)) == 1


def test_teachers_of_several_seeds_are_one():
    rows = [
        measured(on, accuracy, on == "train", model=f"bert-{seed}", seed=seed)
        for seed, own in ((1, (0.80, 0.70)), (2, (0.72, 0.70)), (3, (0.90, 0.70)))
        for on, accuracy in zip(("train", "valid"), own, strict=True)
    ]
    (one,) = told(*rows)
    assert "90.0 %" in one
    assert one.endswith("(so 2 of its 3 seeds)")


def test_two_teachers_are_two():
    rows = [measured(on, accuracy, seen, model=of, of=of) for of in ("one", "two")
            for on, accuracy, seen in (("train", 0.8, True), ("valid", 0.6, False))]  # fmt: skip
    assert [line.partition(" on ")[0] for line in told(*rows)] == ["one", "two"]


@pytest.mark.parametrize(
    ("read", "pairs", "advised"),
    [("masked", False, True), ("previous", False, False), ("masked", True, False)],
)
def test_reading_from_the_left_is_advice_for_those_that_do_not(read, pairs, advised):
    rows = (("train", 0.8, True), ("valid", 0.6, False))
    (one,) = told(*(measured(*row, read=read, pairs=pairs) for row in rows))
    assert ("read: previous" in one) == advised


def classifier(faults):
    """A classifier's task whose guesses have these faults."""
    options = SimpleNamespace(over_classes=True)
    return SimpleNamespace(unit="rows", Options=options, faults=lambda *_: faults)


def test_a_classifiers_rows_are_told_of_in_its_own_words():
    about = {"task": classifier({}), "kind": "evaluate", "keep": KeepBest(best="loss")}
    (one,) = told(measured("train", 0.8, True, **about), measured("valid", 0.6, False, **about))
    assert "of the rows that it scores" in one
    assert one.endswith("more than the labels themselves. Pre-train it on more text.")


def test_one_that_guesses_one_class_knows_nothing_by_heart():
    about = {"task": classifier({"one class": "all 9 rows are ..."}), "kind": "evaluate"}
    rows = (measured("train", 0.8, True, **about), measured("valid", 0.6, False, **about))
    assert told(*rows) == []
