"""What papers claim stands beside what kept results say of it."""

import json
import statistics
from pathlib import Path

import pytest

from tfkd.report.markdown.readme_tables import regenerate
from tfkd.spec.errors import UserError

RESULTS = Path(__file__).parents[2] / "specs" / "results"
PAGE = "<!-- results:begin claims -->\n<!-- results:end -->\n"
NAME = "mask_kd_multi30k_ende"
RUN = f"""{{results: {NAME}, of: train_student, against: "train_student#baseline", on: tests,
       metric: bleu, rows: [train, captions]}}"""
CLAIM = f"""\
- claim: Gates | help
  published: [baseline, this]
  runs:
    - {RUN}
    - {RUN}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / f"{NAME}.json").write_bytes((RESULTS / f"{NAME}.json").read_bytes())
    return tmp_path


def shown(folder, text):
    (folder / "claims.yaml").write_text(text, "utf-8")
    return regenerate(PAGE, folder).splitlines()


def test_a_claim_stands_beside_each_comparison_that_bears_on_it(folder):
    kept = json.loads((folder / f"{NAME}.json").read_text("utf-8"))
    (entry,) = (one for one in kept["evaluations"] if one["on"] == "tests")
    found = entry["against"]["metrics"]["bleu"]
    delta, low, high = (f"{found[key]:+.2f}" for key in ("delta", "low", "high"))
    assert float(low) > 0
    rows = sum(kept["data"][name]["kept"] for name in ("train", "captions"))
    figures = [kept["paper"]["published"][name] for name in ("baseline", "this")]
    first, second = shown(folder, CLAIM)[3:5]
    here = (
        f"`{NAME}`: `train_student` against `train_student#baseline` | {rows:,} | 1 | "
        f"{delta} [{low}, {high}] BLEU on tests | better |"
    )
    paper = f"{figures[0]} → {figures[1]} ({kept['paper']['title']}, table 1)"
    assert first == f"| Gates \\| help | {paper} | {here}"
    assert second == f"|  |  | {here}"
    assert "| Gates \\| help |  | " in shown(folder, CLAIM.replace("[baseline, this]", "[]"))[3]


def test_a_claim_may_stand_on_several_seeds_and_on_a_paper_that_no_spec_is_of(folder):
    name = "browser_translator@small"
    (folder / f"{name}.json").write_bytes((RESULTS / f"{name}.json").read_bytes())
    kept = json.loads((folder / f"{name}.json").read_text("utf-8"))
    deltas = [
        entry["against"]["metrics"]["bleu"]["delta"]
        for entry in kept["evaluations"]
        if (entry["of"], entry["on"], entry.get("export")) == ("tiny", "test_2017", None)
    ]
    assert len(deltas) == 3
    # Student's t with two degrees of freedom.
    half = 4.30265 * statistics.stdev(deltas) / 3**0.5
    mean = statistics.fmean(deltas)
    text = CLAIM.replace("[baseline, this]", '"+1.0 | of others"').replace(
        RUN,
        f"""{{results: {name}, of: "tiny#small", against: "tiny#small_baseline", on: test_2017,
       metric: bleu, rows: ["kept_pairs#small"]}}""",
    )
    rows = kept["data"]["kept_pairs#small"]["kept"]
    figures = f"{mean:+.2f} [{mean - half:+.2f}, {mean + half:+.2f}]"
    assert shown(folder, text)[3] == (
        f"| Gates \\| help | +1.0 \\| of others | `{name}`: `tiny#small` against "
        f"`tiny#small_baseline` | {rows:,} | 3 | {figures} BLEU on test_2017 | better |"
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("on: tests", "on: other", f"claim 1: {NAME} compares no train_student with .* on other"),
        ("[baseline, this]", "[baseline, that]", "has no .*that.*; it has .*baseline"),
        ("metric: bleu, ", "", "claim 1: expected of a run .*metric.*; found"),
        ("  published: [baseline, this]\n", "", "claim 1: expected claim, published and runs"),
        ("rows: [train, captions]", "rows: [trian]", "claim 1: .* has no corpus trian; it has"),
        (NAME, "other", r"other\.json does not exist; there are"),
    ],
)
def test_what_a_claim_cannot_stand_on_is_refused(folder, old, new, said):
    with pytest.raises(UserError, match=said):
        shown(folder, CLAIM.replace(old, new))


def test_claims_rest_on_results_that_are_kept():
    assert regenerate(PAGE, RESULTS).count("\n|") > 10
