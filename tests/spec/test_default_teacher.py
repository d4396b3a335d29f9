"""The teacher that a user starts with reads as the student does; the first paper's is a variant."""

import re
from pathlib import Path

import pytest

from tfkd.spec import load_spec
from tfkd.starters import UserSet, UserSets, starter_spec

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "specs" / "multi30k_deen.yaml"
PAGE = "docs/choosing_a_teacher.md"


PAIRS = UserSet("parallel: [text.de, text.en]", "text.de", 30_000, 480_000, 900_000, ("text: a",))


@pytest.fixture(params=[None, UserSets(PAIRS, "--pairs")], ids=["six files", "pairs"])
def starter(request, tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text(starter_spec("de", "en", sets=request.param))
    return path


def settings(spec):
    """What a teacher is tuned by, scored by and believed by, and how its student decodes."""
    finetune, targets = spec.stages["finetune"], spec.stages["targets"]
    (decode,) = [entry.decode for entry in spec.evaluate if entry.decode is not None]
    ((term, options),) = finetune.objective.items()
    view = spec.views[options.view].kind
    temperature = spec.stages["train_student"].objective["soft_targets"].temperature
    return term, view, targets.read, temperature, decode.length_penalty


LEFT_TO_RIGHT = ("causal_lm", "prefix_lm", "previous", 1, 1.0)
MASKED = ("masked_lm", "conditional_mlm", "masked", 2, 0.6)


def test_the_starters_teacher_reads_from_left_to_right(starter):
    assert settings(load_spec(starter)) == LEFT_TO_RIGHT
    assert settings(load_spec(starter, variant="cmlm")) == MASKED


def test_the_best_step_of_a_teacher_is_that_of_its_loss_on_validation(starter):
    for path in (starter, EXAMPLE):
        spec = load_spec(path)
        for one in (spec, *map(spec.with_variant, spec.variants)):
            validate = one.stages["finetune"].validate_
            assert (validate.on, validate.keep.best) == ("valid", "loss")


def test_the_starters_teachers_are_those_of_the_worked_example(starter):
    for variant, row in (("cmlm", None), (None, "recommended")):
        ours, example = load_spec(starter, variant=variant), load_spec(EXAMPLE, variant=row)
        assert settings(ours) == settings(example)
        assert ours.models == example.models
        assert ours.views == example.views
        for name, stage in ours.stages.items():
            if stage.kind == "train":
                assert stage.schedule == example.stages[name].schedule
                assert stage.objective == example.stages[name].objective
    assert "from scratch" in starter.read_text()


def test_the_starter_measures_what_is_learnt_by_heart(starter):
    """The warning needs the rows that the teacher scores beside those of validation."""
    checks = [entry for entry in load_spec(starter).evaluate if entry.of == "targets"]
    assert {corpus for entry in checks for corpus in entry.on} == {"train", "valid"}


def test_the_worked_example_keeps_the_papers_line_and_has_the_recommended_one_beside_it():
    paper, l2r = load_spec(EXAMPLE), load_spec(EXAMPLE, variant="l2r")
    recommended = load_spec(EXAMPLE, variant="recommended")
    assert settings(paper) == MASKED
    assert settings(recommended) == LEFT_TO_RIGHT
    # The paper's Table 6 stays as it was measured.
    assert settings(l2r) == (*LEFT_TO_RIGHT[:3], *MASKED[3:])
    for name in ("pretrain", "finetune", "targets"):
        assert recommended.stages[name] == l2r.stages[name]
    assert recommended.seeds == paper.seeds
    for name in ("pretrain", "finetune", "train_student"):
        assert recommended.stages[name].seed == paper.stages[name].seed


def test_the_choice_is_explained_where_it_is_made(starter):
    assert re.search(r"left to right.*cmlm: a published BERT", starter.read_text(), re.DOTALL)
    for text in (starter.read_text(), EXAMPLE.read_text(), (ROOT / "README.md").read_text()):
        assert PAGE in text
    # Its figures are tables of kept results, those of the defaults among them.
    tables = re.findall(r"results:begin (\S+) ([^>]+) -->\n\|", (ROOT / PAGE).read_text())
    assert [kind for kind, _ in tables] == ["scores", "choices"]
    tried = {f"quickstart_defaults@{one}" for one in ("t2", "t10", "long_by_accuracy")}
    assert tried <= set(tables[0][1].split())
