"""`choose` of an evaluation in the graph: what is shared, and what rests on what."""

import pytest
from small_line import write_line

from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.seeds import wanted_of_all_seeds
from tfkd.pipeline.engine.wanted import wanted
from tfkd.pipeline.plan.planner import plan
from tfkd.pipeline.plan.smoke import smoke_spec
from tfkd.pipeline.stages.train import said_setting
from tfkd.spec import load_spec
from tfkd.spec.errors import UserError

PENALTIES = [0.6, 1.0, 1.4]
BEAM = "evaluate.1.decode={kind: beam, beam: 2}"
CHOOSE = f"evaluate.1.choose={{decode.length_penalty: {PENALTIES}, by: valid.bleu}}"
MODELS = ("learn", "learn#baseline")


@pytest.fixture
def path(tmp_path):
    return write_line(tmp_path)


def nodes(path, *overrides, smoke=False):
    spec = load_spec(path, overrides=overrides)
    asked = wanted_of_all_seeds(smoke_spec(spec) if smoke else spec, path.parent)
    return {f"{node.kind} {node.label}": node for node in in_order(asked.ends())}


def keys(path, *overrides):
    return {name: node.key for name, node in nodes(path, *overrides).items()}


TRIED = {
    f"evaluate {model} on valid [{said_setting({'decode.length_penalty': one})}]"
    for model in MODELS
    for one in PENALTIES
}
TUNES = {f"tune {model}" for model in MODELS}
DECODED = {*(f"evaluate {model} on test" for model in MODELS), "export learn"}


def test_each_setting_is_an_evaluation_on_validation_and_the_rest_stays(path):
    plain, tuned = keys(path, BEAM), keys(path, BEAM, CHOOSE)
    assert tuned.keys() - plain.keys() == TRIED | TUNES
    assert {name for name in plain if plain[name] != tuned[name]} == DECODED
    found = nodes(path, BEAM, CHOOSE)
    for model in MODELS:
        tune = found[f"tune {model}"]
        assert found[f"evaluate {model} on test"].inputs["tuned"].key == tune.key
        penalties = [one.options["decode"].length_penalty for one in tune.inputs.values()]
        assert penalties == PENALTIES
    assert found["export learn"].inputs["tuned"].key == found["tune learn"].key
    assert "decode" not in found["evaluate learn on test"].identity
    assert "tuned" not in found["evaluate learn#baseline on synthetic"].inputs


def test_a_setting_is_the_evaluation_that_a_spec_asks_for_by_hand(path):
    asked = (
        'evaluate=[{of: learn, on: test, metrics: bleu, against: "learn#baseline", decode: '
        "{kind: beam, beam: 2}, choose: {decode.length_penalty: [0.6, 1.0], by: valid.bleu}}, "
        "{of: learn, on: valid, metrics: bleu, decode: {kind: beam, beam: 2, length_penalty: 1}}]"
    )
    spec = load_spec(path, overrides=[asked])
    tuned, by_hand = wanted(spec, path.parent).evaluations
    trials = tuned.system.inputs["tuned"].inputs
    assert trials["trial.1"].key == by_hand.system.key != trials["trial.0"].key


EXPORT = "export=[{of: learn, format: ctranslate2}]"
OF_EXPORT = "{of: learn, export: ctranslate2_float32, on: test, metrics: bleu, against: '%s'}"


@pytest.mark.parametrize("against", MODELS)
def test_the_baseline_of_an_export_is_tuned_as_the_export_is(path, against):
    tried = "decode: {kind: beam, beam: 2}%s}"
    choose = ", choose: {decode.length_penalty: [0.6, 1.0], by: valid.bleu}"
    learn = "{of: learn, on: test, metrics: bleu, " + tried
    for chosen in (choose, ""):
        asked = f"evaluate=[{learn % chosen}, {OF_EXPORT % against}]"
        spec = load_spec(path, overrides=[asked, EXPORT])
        plain, exported = wanted(spec, path.parent).evaluations
        tunes = [one.inputs.get("tuned") for one in (exported.system, exported.baseline)]
        assert [one and one.label for one in tunes] == (
            [*("learn", against)] if chosen else [None] * 2
        )
        if against == "learn":
            assert exported.baseline.key == plain.system.key
            assert tunes[0] is tunes[1] or tunes[0].key == tunes[1].key


@pytest.mark.parametrize(
    ("override", "changed"),
    [
        # What stands in the base in the place of what is tried is never decoded with.
        ("evaluate.1.decode.length_penalty=9", set()),
        ("evaluate.1.bootstrap=30", set()),
        ("evaluate.1.rouge={stem: true}", set()),
        ("evaluate.1.tokenize=intl", TUNES | DECODED),
        ("evaluate.1.lower_case=true", TUNES | DECODED),
        ("evaluate.1.choose.by=valid.chrf", TUNES | DECODED),
        ("evaluate.1.decode.min_length=2", TRIED | TUNES | DECODED),
    ],
)
def test_a_choice_rests_on_how_it_is_made(path, override, changed):
    before, after = keys(path, BEAM, CHOOSE), keys(path, BEAM, CHOOSE, override)
    assert before.keys() == after.keys()
    assert {name for name in before if before[name] != after[name]} == changed


def test_noise_is_decoded_with_the_choice_where_it_decodes(path):
    noise = "evaluate.1.noise={sigma: 0.1, metrics: [%s]}"
    for metric, tuned in (("loss", False), ("bleu", True)):
        found = nodes(path, BEAM, CHOOSE, noise % metric)
        for model in MODELS:
            assert ("tuned" in found[f"noise {model} on test"].inputs) == tuned


def test_each_seed_is_tuned_and_a_smoke_tries_two_settings(path):
    found = nodes(path, BEAM, CHOOSE, "stages.learn.seeds=[1, 2]")
    tunes = {name for name, node in found.items() if node.kind == "tune"}
    assert tunes == {f"{tune}+{seed}" for tune in TUNES for seed in (1, 2)}
    small = nodes(path, BEAM, CHOOSE, smoke=True)
    assert {len(node.inputs) for node in small.values() if node.kind == "tune"} == {2}


def test_the_plan_counts_what_is_tried(path):
    text = plan(
        load_spec(path, overrides=[BEAM, CHOOSE]), data_dir=path.parent, runs_dir=path.parent
    )
    for tune in TUNES:
        (row,) = (line for line in text.splitlines() if line.startswith(f"{tune} "))
        assert "best of 3" in row


def test_a_model_of_another_spec_that_is_not_decoded_so_is_refused(path):
    """What its model is, the spec's own checks do not know."""
    other = path.with_name("other.yaml")
    other.write_text(path.read_text("utf-8"), "utf-8")
    load = "evaluate=[{of: '%s', on: test, metrics: bleu, decode: {kind: beam}, choose: %s}]"
    tried = "{decode.length_penalty: [1], by: valid.bleu}"
    assert wanted(load_spec(path, overrides=[load % ("other.yaml:learn", tried)]), path.parent)
    wrong = load_spec(path, overrides=[load % ("other.yaml:teach", tried)])
    with pytest.raises(UserError, match="teach writes no outputs that choose could judge"):
        wanted(wrong, path.parent)
