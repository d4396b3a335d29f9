"""`seeds:` of a spec or a stage: what they may be, and what each seed's spec is."""

import pytest
from schema_checker import fits

from tfkd.reference import json_schema
from tfkd.spec import dump_yaml, load_spec
from tfkd.spec.errors import SpecErrors
from tfkd.spec.source.asked_seeds import seeds_override

SPEC = """\
tfkd: 1
name: seeded
seeds: [3, 5]
data: {train: {generated: german_english, rows: 40}}
tokenizers: {joint: {kind: wordpiece, size: 100, learn_from: train}}
teacher: {kind: bert, layers: 1, width: 8, heads: 2, tokenizer: joint}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2, tokenizer: joint}
views: {cmlm: {kind: conditional_mlm}}
stages:
  teach: {train: teacher, data: train, steps: 1, seed: 9, objective: {masked_lm: {view: cmlm}}}
  targets: {score: teach, data: train}
  learn: {train: student, data: train, steps: 1, objective: {cross_entropy: {}, soft_targets: {teacher: targets}}}
variants:
  baseline: {stages.learn.objective: {cross_entropy: {}}}
  other: {stages.learn: {train: student, data: train, steps: 2, objective: {cross_entropy: {}}}, stages.teach.seed: 7}
evaluate: [{of: learn, on: train, metrics: loss, against: learn#baseline}]
"""  # noqa: E501


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "seeded.yaml"
    path.write_text(SPEC, "utf-8")
    return path


def trained(spec):
    return {name: stage.seed for name, stage in spec.stages.items() if stage.kind == "train"}


def test_a_spec_with_seeds_keeps_its_stages_until_one_is_taken(path):
    spec = load_spec(path)
    assert (spec.seeds, spec.seed) == ((3, 5), None)
    assert trained(spec) == {"teach": 9, "learn": 1}
    assert spec.resolved()["seeds"] == [3, 5]
    assert load_spec(path, overrides=["seeds=null"]).seeds == ()


@pytest.mark.parametrize("variant", [None, "baseline", "other"])
def test_a_seed_is_that_of_all_that_trains_in_each_variant(path, variant):
    spec = load_spec(path, variant=variant).with_seed(5)
    assert (spec.seed, spec.variant) == (5, variant)
    assert trained(spec) == {"teach": 5, "learn": 5}
    assert trained(spec.with_variant("other")) == {"teach": 5, "learn": 5}
    assert trained(spec.with_variant("other").with_seed(3)) == {"teach": 3, "learn": 3}
    assert spec.provenance["stages.learn.seed"] == f"{path}:3"


def test_the_resolved_spec_of_a_seed_is_that_spec_in_all_its_variants(path, tmp_path):
    spec = load_spec(path).with_seed(5)
    again = tmp_path / "again.yaml"
    again.write_text(dump_yaml(spec.resolved()), "utf-8")
    read = load_spec(again)
    assert read.seeds == ()
    for variant in ("baseline", "other"):
        assert trained(read.with_variant(variant)) == {"teach": 5, "learn": 5}
    assert read.resolved() == spec.resolved()


@pytest.mark.parametrize("given", ["3", "[]", "[1, 1]", "[1.5]", "[-1]", "[true]", "{a: 1}", "[x]"])
def test_what_are_no_seeds_is_refused(path, given):
    path.write_text(SPEC.replace("[3, 5]", given), "utf-8")
    with pytest.raises(SpecErrors, match=r"yaml:3: seeds: found .*like \[1, 2, 3\]"):
        load_spec(path)


def test_the_schema_knows_them(path):
    schema = json_schema()
    plain = load_spec(path).resolved()
    assert fits(schema, plain, schema)
    for wrong in ([], [-1], ["a"], 3):
        assert not fits(schema, {**plain, "seeds": wrong}, schema)


# A stage's own seeds, and a variant that takes another stage's place with none.
_LEARN = "{train: student, data: train, steps: 1,"
OF_A_STAGE = SPEC.replace("seeds: [3, 5]\n", "").replace(_LEARN, f"{_LEARN} seeds: [3, 5],")


@pytest.fixture
def staged(tmp_path):
    path = tmp_path / "staged.yaml"
    path.write_text(OF_A_STAGE, "utf-8")
    return path


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        (None, {"teach": 9, "learn": 5}),
        ("baseline", {"teach": 9, "learn": 5}),
        ("other", {"teach": 7, "learn": 1}),
    ],
)
def test_a_stages_seeds_are_no_other_stages(staged, tmp_path, variant, expected):
    spec = load_spec(staged)
    assert (spec.seeds, spec.seeded_stages) == ((3, 5), ("learn",))
    assert "seeds" not in spec.resolved()
    one = spec.with_seed(5).with_variant(variant) if variant else spec.with_seed(5)
    assert (one.seed, trained(one)) == (5, expected)
    # Written out, it is the same spec in all its variants, and has one seed.
    again = tmp_path / "again.yaml"
    again.write_text(dump_yaml(spec.with_seed(5).resolved()), "utf-8")
    read = load_spec(again, variant=variant)
    assert (read.seeds, trained(read)) == ((), expected)


def test_a_variant_may_give_a_stage_its_seeds(path):
    text = SPEC.replace("seeds: [3, 5]\n", "")
    path.write_text(text.replace("stages.teach.seed: 7", "stages.teach.seeds: [3, 5]"), "utf-8")
    assert load_spec(path).seeds == ()
    one = load_spec(path, variant="other").with_seed(5)
    assert trained(one) == {"teach": 5, "learn": 1}
    assert trained(one.with_variant("baseline")) == {"teach": 9, "learn": 1}


@pytest.mark.parametrize(
    "given", ["3", "[]", "[1, 1]", "[1.5]", "[1.0]", "[-1]", "[true]", "{a: 1}", "[x]"]
)
def test_what_are_no_seeds_of_a_stage_is_refused_once(staged, given):
    staged.write_text(OF_A_STAGE.replace("[3, 5]", given), "utf-8")
    with pytest.raises(SpecErrors) as refused:
        load_spec(staged)
    (error,) = refused.value.errors
    assert error.path.startswith("stages.learn.seeds")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("seeds=[3, 5]", "stages.learn.seeds: all that trains has the spec's seeds"),
        ("stages.teach.seeds=[1, 2]", r"found \[3, 5\], and stages.teach.seeds are \[1, 2\]"),
    ],
)
def test_seeds_at_two_places_are_the_same_or_refused(staged, override, message):
    with pytest.raises(SpecErrors, match=message):
        load_spec(staged, overrides=[override])
    alike = load_spec(staged, overrides=["stages.teach.seeds=[3, 5]"])
    assert trained(alike.with_seed(3)) == {"teach": 3, "learn": 3}


UNSEEDED = SPEC.replace("seeds: [3, 5]\n", "")


@pytest.mark.parametrize(
    ("given", "expected"), [("3", [1, 2, 3]), ("1", [1]), ("4,7", [4, 7]), ("1,2,3", [1, 2, 3])]
)
def test_seeds_that_are_asked_for_are_those_of_all_that_trains(path, given, expected):
    path.write_text(UNSEEDED, "utf-8")
    override = seeds_override(given)
    spec, written = (load_spec(path, overrides=[one]) for one in (override, f"seeds={expected}"))
    assert spec.resolved() == written.resolved()
    assert spec.overrides == (override,)  # what a run folder repeats
    assert spec.with_variant("baseline").seeds == tuple(expected)


@pytest.mark.parametrize("given", ["0", "101", "1,1", "a", "", "-1,2", "1,", "٣", "True"])
def test_what_are_no_seeds_is_not_asked_for(given):
    with pytest.raises(ValueError, match=r"."):
        seeds_override(given)


def test_a_specs_own_seeds_are_not_replaced_by_those_asked_for(path, staged):
    for file, place in ((path, "seeds"), (staged, "stages.learn.seeds")):
        message = rf"yaml:\d+: {place}: found \[3, 5\], and --seeds asks for \[1, 2\] of all"
        with pytest.raises(SpecErrors, match=message):
            load_spec(file, overrides=["--seeds=[1, 2]"])
        alike = load_spec(file, overrides=["--seeds=[3, 5]"])
        assert alike.resolved()["stages"] == load_spec(file).resolved()["stages"]
        assert alike.seeds == (3, 5)
