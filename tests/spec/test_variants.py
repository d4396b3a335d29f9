"""References to stages of variants: judged as they are there."""

import pytest
from spec_files import SMALL, faults, loaded, replaced

from tfkd.spec import validate_files

EXTRA = (
    "  more:\n"
    "    stages.extra: {train: student, data: train, steps: 5, objective: {cross_entropy: {}}}\n"
    "    stages.scored: {score: finetune, data: train}\n"
    "  turned: {stages.targets: {train: teacher, data: train, steps: 5, objective: "
    "{masked_lm: {view: cmlm}}}, stages.student.objective: {cross_entropy: {}}, evaluate: null}\n"
    "  baseline:\n"
)
TEXT = replaced("  baseline:\n", EXTRA)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("export: [student]", "export: [student, extra#more]"),
        ("against: \"student#baseline\"", "against: \"extra#more\""),
        ("teacher: targets", "teacher: scored#more"),
        ("from: pretrain", "from: targets#turned"),
    ],
)  # fmt: skip
def test_a_stage_that_a_variant_adds_may_be_named(tmp_path, old, new) -> None:
    loaded(tmp_path, replaced(old, new, TEXT))
    assert [str(one) for one in validate_files([tmp_path / "small.yaml"])] == []


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("export: [student]", "export: [extra]", "export.0: there is no stage 'extra'; expected"),
        (
            "export: [student]",
            "export: [extar#more]",
            "export.0: there is no stage 'extar' in variant more; expected one of pretrain, "
            "finetune, targets, student, extra, scored; did you mean extra?",
        ),
        (
            "export: [student]",
            "export: [targets#turned]",
            "export.0: targets#turned trains a bert, which writes no text",
        ),
        (
            "teacher: targets",
            "teacher: targets#turned",
            "the plain view selects no word of the source",
        ),
        ("of: student\n", "of: scored#more\n", "scored#more is a score stage; expected a train"),
        ("of: targets,", "of: pretrain#more,", "pretrain#more is compared with itself without"),
    ],
)
def test_a_stage_of_a_variant_is_judged_as_it_is_there(tmp_path, old, new, part) -> None:
    assert any(part in line for line in faults(tmp_path, replaced(old, new, TEXT)))


def test_a_reference_to_a_variant_that_is_broken_is_no_fault_of_its_own(tmp_path) -> None:
    text = replaced("  baseline:\n", "  lost: {stages.no.steps: 1}\n  baseline:\n", SMALL)
    text = replaced("export: [student]", "export: [student#lost]", text)
    path = tmp_path / "small.yaml"
    path.write_text(text, "utf-8")
    (error,) = validate_files([path])
    assert "there is no stage 'no'" in str(error)
    path.write_text(replaced("layers: 2", "layers: 0", text), "utf-8")
    found = [str(one) for one in validate_files([path])]
    assert len(found) == 2
    assert "teacher.layers: 0" in found[0]
