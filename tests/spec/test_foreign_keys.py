"""Keys of other tools name ours; what a variant has to do without says how."""

import pytest
from spec_files import faults, replaced, write

from tfkd.reference import json_schema
from tfkd.reference.key_reference import blocks
from tfkd.spec import validate_files
from tfkd.spec.foreign_keys import _AT_TOP, _BESIDE, _BY_THEIRS, _OURS, _WITHIN, ours_for
from tfkd.spec.form import TOP

STEPS = "data: text, steps: 5"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [(STEPS, f"{STEPS}, learning_rate: 3e-4", "did you mean schedule: {rate: 0.0003}?"),
     (STEPS, f"{STEPS}, batch_size: 48", "did you mean batch: {size: 48, unit: sentences}?"),
     (STEPS, f"{STEPS}, max_tokens: 9000", "mean batch: {size: 9000, unit: max_tokens}?"),
     (STEPS, f"{STEPS}, update_freq: 4", "mean batch: {size: 4096, per_device: 1024}?"),
     (STEPS, f"{STEPS}, patience: 2", "mean validate: {patience: 2, ...}?"),
     (STEPS, f"{STEPS}, lr: high", "did you mean schedule: {rate: 1e-3}?"),
     (STEPS, f"{STEPS}, batch: {{batch_size: 32}}", "batch_size: unknown key.*mean size?"),
     (STEPS, f"{STEPS}, max_seq_length: 32", "did you mean batch: {max_length: 32}, or"),
     (STEPS, "data: text, max_steps: 5", "did you mean steps?"),
     (STEPS, f"{STEPS}, fp16: true", "did you mean precision?"),
     (STEPS, f"{STEPS}, Learning-Rate: 1", "did you mean schedule: {rate: 1}?"),
     (STEPS, f"{STEPS}, optimizer: {{kind: adam, lr: 1}}",
      "optimizer.lr: unknown key.*mean schedule: {rate: 1} beside optimizer?"),
     (STEPS, f"{STEPS}, optimizer: {{kind: adam, learning_rate: 1}}",
      "optimizer.learning_rate: unknown key.*mean schedule: {rate: 1} beside optimizer?"),
     (STEPS, f"{STEPS}, batch: {{epochs: 3}}", "batch.epochs: unknown.*mean epochs beside batch?"),
     (STEPS, f"{STEPS}, eval_steps: 5", "did you mean validate: {every: 5, ...}?"),
     (STEPS, f"{STEPS}, validate: {{on: text, eval_steps: 5}}", "eval_steps: unknown.*mean every?"),
     ("tfkd: 1", "tfkd: 1\nmodel: {kind: bert}", "model: unknown.*mean student: {kind: transf"),
     ("tfkd: 1", "tfkd: 1\nlearning_rate: 1", "learning_rate: unknown.*mean stages: {NAME:"),
     ("tfkd: 1", "tfkd: 1\nstudents: {kind: bert}", "students: unknown.*did you mean student?"),
     ("kind: bert", "kind: bert, hidden_size: 8", "did you mean width?"),
     ("kind: bert", "kind: bert, num_hidden_layers: 8", "did you mean layers?")],
)  # fmt: skip
def test_a_key_of_another_tool_names_ours(tmp_path, old, new, said):
    found = faults(tmp_path, replaced(old, new))
    first, *rest = said.split(".*")
    lines = [line for line in found if first in line]
    assert lines, found
    assert all(part in lines[0] for part in rest)


def test_alpha_and_tau_of_a_term():
    known = ["weight", "temperature", "teacher"]
    assert [ours_for(key, known) for key in ("alpha", "tau", "T", "nonsense", "teacher")] == [
        "weight", "temperature", "temperature", "", "",
    ]  # fmt: skip


def test_the_table_names_keys_that_there_are():
    keys = {key.name for block in blocks(json_schema()).values() for key in block.keys}
    assert set(_OURS) <= keys | {"epochs"}
    holders = {holder for within in _WITHIN.values() for holder, _ in within}
    assert holders <= keys
    assert not set(_WITHIN) - set(_OURS)
    assert len(_BY_THEIRS) == sum(map(len, _OURS.values()))
    assert set(_BESIDE) <= set(_OURS)
    assert {holder for holders in _BESIDE.values() for holder in holders} <= keys
    assert not {theirs for names in _AT_TOP.values() for theirs in names} & set(TOP)
    words = {example.split(":")[0].split(",")[0] for example in _AT_TOP}
    assert {word for word in words if not word.startswith("tfkd")} <= set(TOP)


def test_a_variant_is_told_that_null_deletes_what_it_has_from_the_spec(tmp_path):
    spec = (
        "tfkd: 1\nname: a\ndata: {train: {text: a}}\n"
        "tokenizers: {w: {kind: wordpiece, learn_from: train}}\n"
        "student: {kind: bert, layers: 1, width: 8, heads: 2, types: 2, tokenizer: w}\n"
        "views: {m: {kind: mlm, p: 0.1}}\n"
        "stages: {a: {train: student, data: train, steps: 1, objective: {masked_lm: {view: m}}}}\n"
        "variants: {other: {student.kind: gpt2}, own: {student.typs: 1}}\n"
    )
    found = list(map(str, validate_files([write(tmp_path, spec)])))
    (said,) = [line for line in found if "student.types" in line]
    assert "(in variant other)" in said
    assert "or `student.types: null` in the variant, which deletes the key" in said
    assert not [line for line in found if "student.typs" in line and "null" in line]


def test_a_key_given_twice_hides_no_other_fault(tmp_path):
    """Both mappings are read: what is wrong in each is said, and nothing that is not wrong."""
    spec = (
        "tfkd: 1\nname: a\ndata:\n  train: {text: a, lowercase: true}\n"
        "data:\n  valid: {text: b, part: {every: 1}}\n"
        "tokenizers: {w: {kind: wordpiece, size: 5, learn_from: [train, valid]}}\n"
    )
    found = faults(tmp_path, spec)
    for said in ("data: given twice (first in line 3)", "did you mean lower_case?",
                 "data.valid.part.every: 1 is too small",
                 "tokenizers.w.size: 5 is too small"):  # fmt: skip
        assert [line for line in found if said in line], (said, found)
    assert not [line for line in found if "there is no corpus" in line]


@pytest.mark.parametrize("key", [")", "+", "?", "(", "a[", "\\"])
def test_a_key_is_no_pattern(key):
    assert ours_for(key, ["steps", "batch"], "TrainOptions", 5) == ""
    assert ours_for(key, ["of", "on"], "", 0) == ""
