"""The first paper's specs at its own scale have its settings; what they lack is told of by name."""

from pathlib import Path

import pytest

from tfkd.pipeline.engine.wanted import wanted
from tfkd.spec import load_spec
from tfkd.spec.errors import UserError

SPECS = Path(__file__).parents[2] / "specs"
K = 1024
# Tokens of a batch of BERT's fine-tuning; steps, warm-up, a batch's tokens and the factor of Noam's
# schedule, of the baseline and of the distilled student; the share of soft targets, and T.
SETTINGS = {
    "iwslt_deen": (16 * K, (50_000, 4_000, 6 * K, 1), (100_000, 8_000, 6 * K, 2), 0.5, 10),
    "iwslt_envi": (16 * K, (50_000, 4_000, 6 * K, 1), (100_000, 8_000, 6 * K, 2), 0.1, 5),
    "wmt14_ende": (512 * K, (30_000, 4_000, 384 * K, 4), (50_000, 4_000, 64 * K, 2), 0.1, 5),
    "gigaword": (64 * K, (50_000, 4_000, 40 * K, 1), (70_000, 4_000, 36 * K, 2), 0.1, 10),
}
# Test scores without and with the teacher: Tables 1 to 4.
PUBLISHED = {
    "iwslt_deen": (1, 34.09, 35.63),
    "iwslt_envi": (2, 30.76, 31.51),
    "wmt14_ende": (3, 26.94, 27.53),
    "gigaword": (4, 43.58, 44.53),
}
PAGES = [*SETTINGS, "multi30k_deen", "reuters_headlines"]


def path(name):
    return SPECS / f"{name}.yaml"


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_are_the_papers(name):
    tuning, baseline, distilled, share, temperature = SETTINGS[name]
    spec = load_spec(path(name))
    finetune, targets = spec.stages["finetune"], spec.stages["targets"]
    assert (finetune.steps, finetune.batch.size) == (100_000, tuning)
    assert (finetune.schedule.rate, finetune.schedule.warmup) == (5e-5, 0.05)
    assert (targets.passes, targets.top_k) == (7, 8)
    alone = load_spec(path(name), variant="baseline").stages["train_student"]
    for stage, expected in ((alone, baseline), (spec.stages["train_student"], distilled)):
        schedule = stage.schedule
        found = (stage.steps, schedule.warmup, stage.batch.size, schedule.factor)
        assert (schedule.kind, *found) == ("noam", *expected)
    assert set(alone.objective) == {"cross_entropy"}
    terms = spec.stages["train_student"].objective
    assert terms["soft_targets"].temperature == temperature
    assert terms["soft_targets"].weight == share
    assert terms["cross_entropy"].weight == pytest.approx(1 - share)
    assert (
        terms["cross_entropy"].label_smoothing
        == alone.objective["cross_entropy"].label_smoothing
        == 0.1
    )
    (scored,) = [entry for entry in spec.evaluate if entry.decode is not None]
    assert (scored.decode.beam, scored.decode.length_penalty) == (4, 0.6)


@pytest.mark.parametrize("name", PUBLISHED)
def test_figures_are_of_the_papers_tables(name):
    table, baseline, this = PUBLISHED[name]
    paper = load_spec(path(name)).paper
    assert (paper.table, paper.published["baseline"], paper.published["this"]) == (
        table, baseline, this,
    )  # fmt: skip
    # What stands in the same table is of the same rows.
    assert paper.published["dev_this"] > paper.published["dev_baseline"]


@pytest.mark.parametrize("name", PAGES)
def test_missing_data_is_told_of_with_file_folder_and_page(name, tmp_path):
    spec = load_spec(path(name))
    with pytest.raises(UserError) as raised:
        wanted(spec, tmp_path)
    said = str(raised.value)
    assert str(tmp_path) in said
    assert "https://" in said
    assert any(page in said for page in spec.pages)
