"""`--set`: the last word in the spec and in each variant that has the place for it."""

from pathlib import Path

import pytest
from spec_files import faults, loaded, replaced

from tfkd import cli
from tfkd.data.checksummed import write_checksummed
from tfkd.pipeline.engine.run_again import make_again
from tfkd.pipeline.engine.run_folder import ORIGIN
from tfkd.pipeline.plan.smoke import smoke_spec
from tfkd.spec import dump_yaml, load_spec, show, validate_files
from tfkd.starters import starter_spec

SPECS = Path(__file__).parents[2] / "specs"
TEMPERATURE = "stages.student.objective.soft_targets.temperature"
OTHERS = """\
  rnn:
    student: {kind: rnn, layers: 1, width: 16, tokenizer: joint}
    stages.student:
      {train: student, data: train, steps: 6, objective: {cross_entropy: {}}, validate: null}
    evaluate: [{of: student, on: valid, metrics: loss}]
  scratch: {stages.finetune.from: null, stages.student.validate: null}
  more: {stages.extra: {train: student, data: train, steps: 5, objective: {cross_entropy: {}}}}
  baseline:
"""
TEXT = replaced("  baseline:\n", OTHERS)
VARIANTS = ("rnn", "scratch", "more", "baseline")


def without(folder, variant):
    """A variant as it is without `--set`."""
    return loaded(folder, TEXT, variant=variant)


@pytest.mark.parametrize("way", ["asked for", "beside the spec"])
def test_the_loss_of_the_starter_is_tuned_and_its_baseline_stays(tmp_path, way) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(starter_spec("de", "en"))
    change = "stages.train_student.objective.soft_targets.temperature=4"
    spec = load_spec(path, overrides=[change])
    assert spec.stages["train_student"].objective["soft_targets"].temperature == 4
    if way == "asked for":
        baseline = load_spec(path, variant="baseline", overrides=[change])
        assert len(baseline.passed_over) == 1
    else:
        baseline = spec.with_variant("baseline")
    assert baseline.stages == load_spec(path, variant="baseline").stages
    assert validate_files([path], overrides=[change]) == []


@pytest.mark.parametrize(
    ("name", "term"),
    [
        ("multi30k_deen", "train_student.objective.soft_targets"),
        ("lightpaff_bert_sst2", "student_finetune.objective.soft"),
        ("mask_kd_multi30k_ende", "train_student.objective.mask_task"),
    ],
)
def test_the_terms_of_the_worked_examples_are_tuned_in_all_variants(name, term) -> None:
    path, change = SPECS / f"{name}.yaml", f"stages.{term}.temperature=3"
    assert [str(one) for one in validate_files([path], overrides=[change])] == []
    stage, _, term = term.replace(".objective.", " ").partition(" ")
    for variant in load_spec(path).variants:
        terms = load_spec(path, variant=variant, overrides=[change]).stages[stage].objective
        assert getattr(terms.get(term), "temperature", 3) == 3


@pytest.mark.parametrize(
    ("override", "where", "value"),
    [
        # A variant's own value, one that it leaves out, and a new key of a stage of its own.
        ("student.dropout=0.3", lambda spec: spec.models["student"].dropout, 0.3),
        ("stages.student.steps=9", lambda spec: spec.stages["student"].steps, 9),
        ("stages.student.seeds=[1, 2]", lambda spec: spec.stages["student"].seeds, [1, 2]),
        ("stages.student.batch.size=64", lambda spec: spec.stages["student"].batch.size, 64),
        (
            "stages.student.objective.cross_entropy.label_smoothing=0.2",
            lambda spec: spec.stages["student"].objective["cross_entropy"].label_smoothing,
            0.2,
        ),
        ("stages.student.objective={cross_entropy: {}}",
         lambda spec: list(spec.stages["student"].objective), ["cross_entropy"]),
    ],
)  # fmt: skip
def test_what_has_a_place_everywhere_is_the_last_word_everywhere(
    tmp_path, override, where, value
) -> None:
    spec = loaded(tmp_path, TEXT, overrides=[override])
    assert where(spec) == value
    for variant in VARIANTS:
        assert where(spec.with_variant(variant)) == value
        asked = loaded(tmp_path, TEXT, variant=variant, overrides=[override])
        assert where(asked) == value
        assert not any(one.startswith("--set") for one in asked.passed_over)


@pytest.mark.parametrize(
    ("override", "variants", "part"),
    [
        # A term, an option of a model of another kind, entries of a list; what is taken away.
        (f"{TEMPERATURE}=4", ["rnn", "baseline"], "has no stages.student.objective.soft_targets"),
        ("stages.student.objective.soft_targets={teacher: targets, weight: 2}",
         ["rnn", "baseline"], "expected one of cross_entropy"),
        ("student.encoder_layers=2", ["rnn"], "student.encoder_layers: unknown key (in variant"),
        ("evaluate.1.decode={kind: greedy}", ["rnn"], "has no evaluate.1"),
        ("stages.finetune.from=pretrain", ["scratch"], "has no stages.finetune.from"),
        ("stages.student.validate.every=3", ["rnn", "scratch"], "stages.student.validate"),
    ],
)  # fmt: skip
def test_what_a_variant_takes_away_stays_away(tmp_path, override, variants, part) -> None:
    spec = loaded(tmp_path, TEXT, overrides=[override])
    assert (spec.passed_over, validate_files([spec.path], overrides=[override])) == ((), [])
    for variant in VARIANTS:
        one = spec.with_variant(variant)
        assert any(part in said for said in one.passed_over) == (variant in variants)
        if variant in variants:
            assert (one.models, one.stages) == (
                without(tmp_path, variant).models, without(tmp_path, variant).stages
            )  # fmt: skip


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (f"{TEMPERATURE}s=4", f"--set: {TEMPERATURE}s: unknown key; expected"),
        (
            "stages.student.objective.soft_target.temperature=4",
            "--set: stages.student.objective.soft_target.temperature: there is no term "
            "'soft_target' in stages.student.objective; expected one of cross_entropy, "
            "soft_targets; did you mean soft_targets?",
        ),
        ("stages.studnet.steps=4", "there is no stage 'studnet'"),
        # It has its place in a variant that nothing refers to.
        ("stages.extra.steps=4", "there is no stage 'extra'"),
    ],
)
def test_what_has_a_place_nowhere_is_a_fault(tmp_path, override, said) -> None:
    (found,) = faults(tmp_path, TEXT, overrides=[override])
    assert said in found
    for variant in ("baseline", "scratch"):
        assert any(said in one for one in faults(
            tmp_path, TEXT, variant=variant, overrides=[override]))  # fmt: skip
    every = validate_files([tmp_path / "small.yaml"], overrides=[override])
    assert [str(one) for one in every] == ([] if "extra" in override else [found])


def test_a_place_in_another_variant_is_one_where_that_is_named(tmp_path) -> None:
    change = "stages.extra.steps=4"
    spec = loaded(tmp_path, replaced("export: [student]", 'export: [student, "extra#more"]', TEXT),
                  overrides=[change])  # fmt: skip
    assert spec.with_variant("more").stages["extra"].steps == 4
    assert "there is no stage 'extra'" in str(spec.passed_over)
    asked = loaded(tmp_path, TEXT, variant="more", overrides=[change])
    assert (asked.stages["extra"].steps, asked.passed_over) == (4, ())
    # As `--all-variants` asks for it.
    every = loaded(tmp_path, TEXT, overrides=[change], elsewhere=True)
    assert every.with_variant("more").stages["extra"].steps == 4
    assert every.with_variant("baseline").stages == without(tmp_path, "baseline").stages


def test_an_override_may_stand_on_another(tmp_path) -> None:
    pair = ["stages.student.validate.every=3", "stages.student.validate.metrics=[bleu]"]
    spec = loaded(tmp_path, TEXT, overrides=pair)
    assert spec.stages["student"].validate_.metrics == ["bleu"]
    assert spec.with_variant("rnn").stages["student"].validate_ is None
    changes = ["stages.student.objective={cross_entropy: {}, soft_targets: {teacher: targets}}",
               f"{TEMPERATURE}=4"]  # fmt: skip
    for variant in (None, *VARIANTS):
        spec = loaded(tmp_path, TEXT, variant=variant, overrides=changes)
        assert spec.stages["student"].objective["soft_targets"].temperature == 4


def test_a_run_of_one_of_all_variants_is_read_again(tmp_path, monkeypatch) -> None:
    """Its overrides may have their places in another variant alone."""
    path, run = tmp_path / "small.yaml", tmp_path / "small@baseline"
    path.write_text(TEXT, "utf-8")
    run.mkdir()
    origin = {"spec": str(path), "variant": "baseline", "overrides": ["stages.extra.steps=4"],
              "plugins": [], "data_dir": str(tmp_path), "smoke": False}  # fmt: skip
    write_checksummed(run / ORIGIN, origin)
    monkeypatch.setattr("tfkd.pipeline.engine.run_again.run_spec", lambda spec, **settings: spec)
    spec = make_again(run)
    assert spec.stages == without(tmp_path, "baseline").stages
    assert smoke_spec(spec).variant == "baseline"


CHANGES = [f"{TEMPERATURE}=4", "stages.student.objective.cross_entropy.label_smoothing=0.2",
           "stages.student.seeds=[3, 5]", "stages.finetune.from=null"]  # fmt: skip


def test_a_resolved_spec_has_the_overrides_in_its_variants(tmp_path) -> None:
    spec = loaded(tmp_path, TEXT, overrides=CHANGES)
    again = tmp_path / "again.yaml"
    again.write_text(dump_yaml(spec.resolved()), "utf-8")
    for variant in VARIANTS:
        written = load_spec(again, variant=variant)
        assert written.stages == spec.with_variant(variant).stages
        seeded = spec.with_variant(variant).with_seed(5)
        again_seeded = spec.with_seed(5).with_variant(variant)
        assert (seeded.stages, seeded.changes) == (again_seeded.stages, again_seeded.changes)


def test_show_tells_what_is_set_from_what_is_written(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = show(loaded(tmp_path, TEXT, overrides=CHANGES)).splitlines()
    variants = lines[lines.index("variants:") :]
    origins = {line.partition("#")[0].strip(): line.partition("#")[2].strip() for line in variants}
    assert origins["label_smoothing: 0.2"] == "--set"
    assert "label_smoothing: 0.1" not in origins
    assert origins["stages.student.seeds: [3, 5]"] == "--set"
    assert sum("temperature: 4" in line for line in variants) == 2  # scratch, more
    assert origins["steps: 6"].startswith("small.yaml:")


def test_the_command_line_says_what_it_passes_over(tmp_path, capsys) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(TEXT, "utf-8")
    words = ["show", str(path), "--set", f"{TEMPERATURE}=4"]
    assert cli.main(words) == cli.DONE
    assert capsys.readouterr().err == ""
    assert cli.main([*words, "--variant", "baseline"]) == cli.DONE
    said = capsys.readouterr().err
    assert said.startswith(f"tfkd: passed over: --set: {TEMPERATURE}: variant baseline, which has ")


def test_a_variants_own_changes_that_are_replaced_are_told(tmp_path) -> None:
    """A whole objective is that of all variants, which else differ in it."""
    change = "stages.student.objective={cross_entropy: {}}"
    own = "variants.baseline.stages.student.objective: --set stages.student.objective is the last"
    for variant, said in (("baseline", [own]), ("more", [])):
        spec = loaded(tmp_path, TEXT, variant=variant, overrides=[change])
        assert spec.stages["student"].objective["cross_entropy"].label_smoothing == 0
        assert [one[: len(own)] for one in spec.passed_over] == said
