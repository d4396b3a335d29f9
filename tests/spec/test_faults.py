"""Faults: all at once, each at its line, in words that say what to do."""

import re

import pytest
from spec_files import SMALL, faults, line_of, loaded, replaced

from tfkd.spec import validate_files

# What is written in place of what, and the one fault it makes, by a part of the new line.
CASES = [
    ("layers: 2", "layers: four", "teacher.layers: 'four' is text; expected a whole number"),
    ("layers: 2", "layers: 0", "teacher.layers: 0 is too small; expected at least 1"),
    ("layers: 2", "layers: -3", "teacher.layers: -3 is too small"),
    ("layers: 2", f"layers: {'9' * 39}", "is too large; expected less than 2147483648"),
    ("layers: 2", "layers: true", "teacher.layers: found true; expected a whole number"),
    ("layers: 2", 'layers: "2"', "teacher.layers: '2' is text; expected a whole number"),
    ("layers: 2, ", "", "teacher.layers: missing; expected how many blocks it has"),
    ("layers: 2", "layers: 2, heds: 2", "teacher.heds: unknown key; expected one of "),
    ("kind: bert, layers: 2, width: 16, heads: 2", "kind: bert, layers: 2, width: 16, heads: 3",
     "heads (3) must divide width (16)"),
    ("kind: bert", "kind: brt", "teacher.kind: 'brt' is no model; expected one of abnet, "
     "bert, bert_fused, gpt2, llama, rnn, t5, transformer; did you mean bert?"),
    ("teacher: {kind: bert, ", "teacher: {", "teacher.kind: no kind; expected one of"),
    ("[train.de, train.en]", "[train.de]", "data.train.parallel: 1 entry; expected at least 2"),
    ('{text: "*.txt"}', '{txt: "*.txt"}', "data.text: no source; expected exactly one of"),
    ('{text: "*.txt"}', '{text: a, tsv: b}', "data.text: two sources in one"),
    ('{text: "*.txt"}', "a.txt", "data.text: found 'a.txt'"),
    ("drop_overlap: [train]", "drop_overlap: [trian]", "there is no corpus 'trian'; expected one "
     "of train, valid, text; did you mean train?"),
    ("drop_overlap: [train]", "drop_overlap: [train.sorce]", "train has no field 'sorce'; "
     "expected one of source, target; did you mean source?"),
    ("drop_overlap: [train]", "drop_overlap: [train, text, train]", "data.valid.drop_overlap.2: "
     "'train' stands here twice; expected each corpus once"),
    ('{text: "*.txt"}', '{tsv: a, columns: {"../../../EVIL": 0}}', "data.text.columns."
     "../../../EVIL: '../../../EVIL' is no name; expected a to z, A to Z, digits, _ and -"),
    ('{text: "*.txt"}', '{tsv: a, columns: {te.xt: 0}}', "'te.xt' is no name; expected a to z"),
    ('{text: "*.txt"}', '{jsonl: a, fields: {a/b: a}}', "'a/b' is no name; expected a to z"),
    ('{text: "*.txt"}', '{tfds: a, fields: {"": a}}', "data.text.fields"),
    ('{text: "*.txt"}', '{text: "a\\0b"}', "data.text.text: 'a\\x00b' has a NUL"),
    ("drop_overlap: [train]", "drop_overlap: [valid]", "data.valid.drop_overlap: a circle: valid "
     "-> valid"),
    ("learn_from: train", "learn_from: trian", "tokenizers.joint.learn_from: there is no corpus"),
    ("learn_from: train", "learn_from: train, vocabulary: x", "exactly one of learn_from"),
    ("from: pretrain", "from: pretrian", "stages.finetune.from: there is no stage 'pretrian'; "
     "expected one of pretrain, finetune, targets, student; did you mean pretrain?"),
    ("from: pretrain", "from: targets", "stages.finetune.from: targets is a score stage; expected "
     "a train or load stage"),
    ("from: pretrain", "from: {encoder: nowhere}", "finetune.from.encoder: there is no stage"),
    ("from: pretrain", "from: 'pretrain#'", "is no reference; expected STAGE"),
    ("from: pretrain", "from: pretrain#nothing", "there is no variant 'nothing'"),
    ("from: pretrain", "from: finetune", "a circle of stages: finetune -> finetune"),
    ("from: pretrain", "from_: pretrain", "stages.finetune.from_: unknown key; expected from"),
    ("score: finetune", "scroe: finetune", "stages.targets: no kind of stage; expected exactly one "
     "of the keys train, score, load, translate, average, align, shortlist, filter, disturb, fold, "
     "targets; did you mean score?"),
    ("score: finetune", "score: finetune, train: teacher", "two kinds of stage in one"),
    ("score: finetune", "score: student", "a circle of stages: targets -> student -> targets"),
    ("{score: finetune, data: train}", "{score: finetune, data: text}", "text has text; expected a "
     "corpus with source and target"),
    ("data: text, steps: 5", "data: text, steps: 5e3", "stages.pretrain.steps: "),
    ("{view: cmlm}", "{view: cmml}", "there is no view 'cmml'; expected one of mlm, cmlm"),
    ("{view: cmlm}", "{}", "objective.masked_lm: no view; expected view: one of kind mlm or"),
    ("{view: mlm}", "{view: mlm, kind: causal_lm}", "mlm is of kind mlm, which a causal_lm term "
     "cannot read; expected a view of kind prefix_lm"),
    ("{weight: 0.5}", "{weight: -1}", "cross_entropy.weight: -1 is too small"),
    ("{weight: 0.5}", "{weight: .nan}", "cross_entropy.weight: "),
    ("{weight: 0.5}", "{weight: .inf}", "cross_entropy.weight: "),
    ("{weight: 0.5}", "{view: cmlm, weight: 1}", "cmlm (conditional_mlm) is for a bert"),
    ("teacher: targets", "teacher: finetune", "soft_targets.at: selected, and the plain view "
     "selects no word of the source; expected at: all, or a view of kind mlm or spans"),
    ("on: valid, every", "on: text, every", "an encoder-decoder cannot read text, which has text"),
    ("[loss, bleu]", "[loss, blue]", "validate.metrics.1: found 'blue'; expected one of loss, "),
    ("[loss, bleu]", "[null]", "validate.metrics.0: found nothing; expected one of loss, "),
    ("[loss, bleu]", "[[]]", "validate.metrics.0: found a list; expected one of loss, "),
    ("metrics: teacher_check", "metrics: [-1]", "metrics.0: found -1; expected one of bleu, "),
    ("keep: {best: bleu}", "keep: {best: chrf}", "keep.best is chrf, which metrics does not list"),
    ("keep: {best: bleu}", "keep: {bset: bleu}", "did you mean best?"),
    ("keep: {best: bleu}", "keep: first", "stages.student.validate.keep: "),
    ("rate: 5e-4", "rate: 0", "stages.student.schedule.rate: 0 is too small; expected more than 0"),
    ("kind: triangular, rate: 5e-4", "kind: null, rate: x", "schedule.rate: 'x' is text"),
    ("kind: triangular, rate: 5e-4", "kind: noam, rate: 5e-4", "noam has a factor, no rate"),
    ("metrics: teacher_check", "metrics: [teacher_check, bleu]", "teacher_check beside others"),
    ("of: targets, on: valid", "of: finetune, on: valid", "finetune is compared with itself"),
    ("decode: {kind: beam}", "decode: {kind: beam, n_best: 9}", "n_best (9) is more than beam (4)"),
    ("decode: {kind: beam}", "decode: beam", "evaluate.1.decode: found 'beam'"),
    ("export: [student]", "export: [studnet]", "there is no stage 'studnet'"),
    ("export: [student]", "export: {a: 1}", "export: found a mapping; expected a list of stages"),
    ("name: small", "name: ../small", "'../small' is no name for a folder"),
    ("name: small", "name: 5", "5 is no name for a folder"),
    ("name: small", "nmae: small", "nmae: unknown key; expected one of tfkd, name"),
    ("tfkd: 1", "tfkd: 2", "tfkd: version 2 is not known; expected 1"),
    ("tfkd: 1", "tfkd: true", "tfkd: version true is not known"),
    ("  targets:", "  tar.gets:", "'tar.gets' is no name"),
    ("  targets:", "  valid:", "a corpus has this name too"),
    ("  targets:", "  export:", "export is a folder of every run"),
    ("{kind: mlm}", "{kind: mlm, max_length: 600}", "stages.pretrain.objective.masked_lm.view: mlm "
     "makes 600 tokens, more than the model's max_length of 512"),
    ("wordpiece, size: 500", "wordpiece, size: 5", "tokenizers.joint.size: 5 is too small"),
]  # fmt: skip


ELSEWHERE = ("  valid:", "from: finetune", "{kind: mlm, max_length: 600}")


@pytest.mark.parametrize(("old", "new", "expected"), CASES, ids=[new for _, new, _ in CASES])
def test_a_fault_is_said_at_its_line(tmp_path, old: str, new: str, expected: str) -> None:
    text = replaced(old, new)
    found = faults(tmp_path, text)
    said = [line for line in found if expected in line]
    assert said, found
    # A name that is used twice, or a part that is judged where it is used, has other lines too.
    if new not in ELSEWHERE:
        number = line_of(new, text) if new else line_of("teacher: {kind", text)
        assert any(line.startswith(f"small.yaml:{number}: ") for line in said), (number, said)


def test_all_faults_come_at_once_in_the_order_of_lines(tmp_path) -> None:
    text = SMALL
    changes = [
        ("[train.de, train.en]", "5"),
        ("size: 500", "size: 0"),
        ("layers: 2, width: 16, heads: 2, tokenizer: joint}\nstudent", "layers: no}\nstudent"),
        ("train: teacher\n    from: pretrain", "train: teecher\n    from: pretrian"),
        ("{weight: 0.5}\n", "{weihgt: 0.5}\n"),
        ("teacher: targets", "teacher: targest"),
        ("on: valid, metrics: teacher_check", "on: vaild, metrics: teacher_check"),
        ("export: [student]", "export: [studnet]"),
    ]
    for old, new in changes:
        text = replaced(old, new, text)
    found = faults(tmp_path, text)
    for part in (
        "data.train.parallel:", "tokenizers.joint.size:", "teacher.layers:",
        "stages.finetune.train:", "stages.finetune.from:", "cross_entropy.weihgt:",
        "soft_targets.teacher:", "evaluate.0.on:", "export.0:",
    ):  # fmt: skip
        assert any(part in line for line in found), (part, found)
    numbers = [int(re.match(r"small\.yaml:(\d+): ", line)[1]) for line in found]
    assert numbers == sorted(numbers)


def test_a_name_whose_own_definition_is_wrong_is_still_known(tmp_path) -> None:
    found = faults(tmp_path, replaced("layers: 2", "layers: none"))
    assert len(found) == 1


def test_faults_of_variants_are_said_once_and_with_the_variant(tmp_path) -> None:
    path = tmp_path / "v.yaml"
    text = replaced("layers: 2", "layers: 0") + "description: 5\n"
    text = replaced(
        "  baseline:", "  wide: {student.widht: 5}\n  lost: {stages.no.steps: 1}\n  baseline:", text
    )
    path.write_text(text)
    found = [str(error) for error in validate_files([path])]
    assert sum("teacher.layers" in line for line in found) == 1
    assert any("student.widht" in line and "variant wide" in line for line in found)
    assert any("there is no stage 'no'" in line for line in found)
    assert len(found) == 4


def test_faults_of_all_files_are_gathered(tmp_path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(replaced("layers: 2", "layers: 0"))
    found = validate_files([tmp_path / "a.yaml", tmp_path / "no.yaml", tmp_path / "b.yaml"])
    assert [error.file.rpartition("/")[2] for error in found] == ["a.yaml", "b.yaml", "no.yaml"]


def test_a_slip_hides_no_other_fault(tmp_path) -> None:
    text = replaced("name: small\n", "name: other\nname: small\n")
    text = replaced("width: 16, heads: 2, tokenizer: joint}\nstudent",
                    "width: !!int 16, heads: 3, tokenizer: joint}\nstudent", text)  # fmt: skip
    text = replaced("on: valid, every: 2", "on: vlaid, every: 2", text)
    found = faults(tmp_path, text)
    assert [line.split(": ")[1] for line in found] == [
        "name", "teacher", "teacher.width", "stages.student.validate.on",
    ]  # fmt: skip
    assert [str(one).replace(f"{tmp_path}/", "") for one in validate_files(
        [tmp_path / "small.yaml"])] == found  # fmt: skip


def test_a_fault_of_what_is_merged_stands_at_its_own_line(tmp_path) -> None:
    text = replaced("  pretrain: {train: teacher, data: text, steps: 5,",
                    "  pretrain: &both {train: teacher, data: text, steps: 0,")  # fmt: skip
    text = replaced("  finetune:\n    train: teacher\n", "  finetune:\n    <<: *both\n", text)
    (line,) = faults(tmp_path, text)
    assert line.startswith(f"small.yaml:{line_of('&both', text)}: stages.pretrain.steps: 0")
    spec = loaded(tmp_path, text.replace("steps: 0", "steps: 7"))
    assert (spec.stages["finetune"].train, spec.stages["finetune"].steps) == ("teacher", 5)
    assert spec.provenance["stages.finetune.train"] == spec.provenance["stages.pretrain.train"]


def test_circles_through_variants_are_found(tmp_path) -> None:
    text = replaced("from: pretrain", "from: pretrain#one")
    text = replaced(
        "  baseline:",
        "  one: {stages.pretrain.from: finetune#two}\n"
        "  two: {stages.finetune.from: finetune#one, stages.pretrain.steps: 6}\n  baseline:",
        text,
    )
    assert "pretrain#one -> finetune#two -> finetune#one" in faults(tmp_path, text)[0]
    # A way through another variant that ends is no circle.
    fine = text.replace("from: finetune#one", "from: pretrain")
    assert loaded(tmp_path, fine).stages["finetune"].from_ == "pretrain#one"


def test_a_student_and_its_teacher_must_speak_of_the_same_pieces(tmp_path) -> None:
    text = replaced("  joint: ", "  other: {size: 100, learn_from: train}\n  joint: ")
    text = replaced("width: 16, heads: 2, tokenizer: joint}\nviews", "width: 16, heads: 2, "
                    "tokenizer: other}\nviews", text)  # fmt: skip
    assert faults(tmp_path, text) == [
        f"small.yaml:{line_of('teacher: targets', text)}: "
        "stages.student.objective.soft_targets.teacher: targets predicts the pieces of joint, this "
        "student those of other; expected a teacher with tokenizer: other (or a head with it)"
    ]
    head = ", head: {tokenizer: other}"
    fine = text.replace("tokenizer: joint}\nstudent", f"tokenizer: joint{head}}}\nstudent")
    loaded(tmp_path, fine)
