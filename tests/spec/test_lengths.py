"""How long names, paths, references and texts may be."""

import pytest
from spec_files import faults, loaded, replaced

LONG = "long/" * 600  # 3,000 characters


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[train.de, train.en]", f"[/{LONG}train.de, [{LONG}a.en, {LONG}b.en]]"),
        ('{text: "*.txt"}', f"{{text: {LONG}*.txt}}"),
        ('{text: "*.txt"}', f"{{tsv: {LONG}a.tsv, columns: {{text: 0}}}}"),
        ('{text: "*.txt"}', f"{{jsonl: {LONG}a.jsonl, fields: {{text: a.b}}}}"),
        ("learn_from: train", f"vocabulary: {LONG}vocab.txt"),
        ("learn_from: train", f"preset: {LONG}bert"),
        ("export: [student]", f"paper: {{title: {'t' * 300}}}\nexport: [student]"),
        ("pretrain: {train: teacher, data: text, steps: 5, objective: {masked_lm: {view: mlm}}}",
         f"pretrain: {{load: {LONG}bert, into: teacher}}"),
    ],
)  # fmt: skip
def test_paths_and_titles_may_be_long(tmp_path, old, new):
    loaded(tmp_path, replaced(old, new))


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ('{text: "*.txt"}', f"{{text: {'a' * 4097}}}", "too long; expected at most 4096"),
        ("learn_from: train", f"vocabulary: {'a' * 4097}", "too long; expected at most 4096"),
        ("export: [student]", f"paper: {{title: {'t' * 1001}}}\nexport: [student]", "at most 1000"),
        ("teacher: targets", f"teacher: {'t' * 4299}", "too long; expected at most 4298"),
        ("teacher: targets", f"teacher: {'t' * 4000}", "there is no stage 'ttt"),
        ("{view: cmlm}", f"{{view: {'v' * 101}}}", "too long; expected at most 100 characters"),
        ("learn_from: train", 'vocabulary: "a\\0"', "has a NUL, which no path can have"),
    ],
)
def test_what_is_too_long_is_said_in_short(tmp_path, old, new, part):
    found = faults(tmp_path, replaced(old, new))
    assert any(part in line for line in found), found
    assert all(len(line) < 300 for line in found)


def test_a_stage_of_a_spec_far_away_may_be_named(tmp_path):
    far = tmp_path / ("d" * 90) / ("e" * 90) / "far.yaml"
    far.parent.mkdir(parents=True)
    text = replaced("score: finetune", f"score: '{far}:finetune'")
    far.write_text(replaced("name: small", "name: far"), "utf-8")
    assert loaded(tmp_path, text).stages["targets"].score == f"{far}:finetune"
