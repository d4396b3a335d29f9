"""Circles of stages over several spec files, and how much work a search for them may be."""

import time

import pytest

from tfkd.spec import load_spec, validate_files
from tfkd.spec.checks.stage_inputs import inputs_of
from tfkd.spec.errors import SpecErrors

SPEC = """\
tfkd: 1
name: circles
data: {{train: {{parallel: [a.de, a.en]}}}}
tokenizers: {{joint: {{learn_from: train}}}}
teacher: {{kind: bert, layers: 1, width: 8, heads: 2, tokenizer: joint}}
views: {{cmlm: {{kind: conditional_mlm}}}}
stages:
  first:
    {{train: teacher, data: train, steps: 1, objective: {{masked_lm: {{view: cmlm}}}}}}
  tuned:
    from: {origin!r}
    train: teacher
    data: train
    steps: 1
    objective: {{masked_lm: {{view: cmlm}}}}
  targets: {{score: tuned, data: train}}
variants:
  other: {{stages.tuned.from: {other!r}}}
evaluate: [{{of: targets, on: train, metrics: teacher_check}}]
"""


def write(folder, name, origin, other="first"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SPEC.format(origin=origin, other=other), "utf-8")
    return path


def fault(path, **options):
    with pytest.raises(SpecErrors) as caught:
        load_spec(path, **options)
    (error,) = caught.value.errors
    return str(error)


def test_a_circle_of_two_files(tmp_path):
    one = write(tmp_path, "a.yaml", "b.yaml:tuned")
    two = write(tmp_path, "b.yaml", "a.yaml:tuned")
    assert fault(one) == (
        f"{one}:10: stages.tuned: a circle of stages: b.yaml:tuned -> a.yaml:tuned -> b.yaml:tuned"
        "; expected stages that do not wait for themselves"
    )
    found = [str(error) for error in validate_files([one, two])]
    assert len(found) == 2
    assert all("a circle of stages" in line for line in found)


def test_a_circle_of_three_files_in_three_folders(tmp_path):
    one = write(tmp_path, "a.yaml", "x/b.yaml:tuned")
    write(tmp_path, "x/b.yaml", "../y/c.yaml:targets")
    write(tmp_path, "y/c.yaml", "../x/../a.yaml:tuned")
    said = fault(one)
    assert "x/b.yaml:tuned -> y/c.yaml:targets -> y/c.yaml:tuned -> a.yaml:tuned -> x/b" in said


def test_a_circle_over_a_variant_of_another_file(tmp_path):
    one = write(tmp_path, "a.yaml", "b.yaml:tuned#other")
    two = write(tmp_path, "b.yaml", "first", other="a.yaml:tuned")
    assert "b.yaml:tuned#other -> a.yaml:tuned -> b.yaml:tuned#other" in fault(one)
    # What the variant adds is followed within it.
    text = two.read_text().replace("a.yaml:tuned'", "a.yaml:tuned', stages.more.from: tuned")
    two.write_text(text.replace("  targets:", "  more: {train: teacher}\n  targets:"))
    one = write(tmp_path, "a.yaml", "b.yaml:more#other")
    assert "b.yaml:more#other -> b.yaml:tuned#other -> a.yaml:tuned -> b.yaml:more" in fault(one)


def test_a_circle_from_a_variant_of_ones_own(tmp_path):
    one = write(tmp_path, "a.yaml", "first", other="b.yaml:tuned")
    write(tmp_path, "b.yaml", "a.yaml:tuned#other")
    load_spec(one)
    assert "b.yaml:tuned -> a.yaml:tuned#other -> b.yaml:tuned" in fault(one, variant="other")


def test_a_circle_by_a_link(tmp_path):
    one = write(tmp_path, "a.yaml", "far/b.yaml:tuned")
    write(tmp_path, "b.yaml", "far/far/b.yaml:tuned")
    (tmp_path / "far").symlink_to(tmp_path)
    assert "b.yaml:tuned -> b.yaml:tuned" in fault(one)


@pytest.mark.parametrize("origin", ["first", "a.yaml:first", "a.yaml:tuned#other"])
def test_files_that_refer_to_each_other_without_a_circle(tmp_path, origin):
    one = write(tmp_path, "a.yaml", "b.yaml:tuned")
    write(tmp_path, "b.yaml", origin)
    assert load_spec(one).stages["tuned"].from_ == "b.yaml:tuned"
    assert validate_files([one, tmp_path / "b.yaml"]) == []


@pytest.mark.parametrize(
    ("stage", "references"),
    [
        ({"score": "a", "data": "d", "from": "no"}, ["a"]),
        ({"load": "a", "into": "teacher"}, []),
        ({"train": "m", "from": "b.yaml:a#v"}, ["b.yaml:a#v"]),
        ({"train": "m", "from": {"encoder": "a", "decoder": "b", "x": 5}}, ["a", "b"]),
        (
            {
                "train": "m",
                "objective": {"x": {"teacher": "a"}, "y": {"teacher": "b", "weight": 0}},
            },
            ["a"],
        ),
        ({"train": "m", "objective": {"x": {}, "y": None, "z": {"teacher": 3}}}, []),
        ({"train": "m", "objective": 5, "from": None}, []),
        (5, []),
    ],
)
def test_what_a_stage_reads_is_seen_as_it_is_written(stage, references):
    assert inputs_of({"stages": {"stage": stage}}, "stage") == references


def test_set_takes_a_circle_apart_only_where_it_stands(tmp_path):
    one = write(tmp_path, "a.yaml", "b.yaml:tuned")
    write(tmp_path, "b.yaml", "first")
    load_spec(one)
    # b.yaml reads a.yaml as it is written, so that b -> a -> b remains.
    write(tmp_path, "b.yaml", "a.yaml:tuned")
    load_spec(one, overrides=["stages.tuned.from=first"])
    assert "a circle" in fault(one, overrides=["stages.first.from='b.yaml:tuned'"])


def test_files_that_lead_to_ever_more_files_are_refused(tmp_path):
    for number in range(150):
        write(tmp_path, f"{number}.yaml", f"{number + 1}.yaml:tuned")
    write(tmp_path, "150.yaml", "first")
    begin = time.process_time()
    assert "stages of other specs lead to more and more specs" in fault(tmp_path / "0.yaml")
    load_spec(tmp_path / "60.yaml")
    assert time.process_time() - begin < 5


def test_variants_of_other_files_that_lead_to_ever_more_are_refused(tmp_path):
    variants = "".join(
        f'  v{number}: {{stages.tuned.from: "b.yaml:tuned#v{number + 1}"}}\n'
        for number in range(300)
    )
    one = write(tmp_path, "a.yaml", "b.yaml:tuned#v0")
    text = SPEC.format(origin="first", other="first")
    (tmp_path / "c.yaml").write_text(
        text.replace("variants:\n", f"variants:\n{variants}  v300: {{}}\n"), "utf-8"
    )
    (tmp_path / "b.yaml").symlink_to(tmp_path / "c.yaml")
    assert "at most 100 files, and 200 with their variants" in fault(one)
