"""The specs that come with the package: valid, planned, and run at tiny sizes."""

import json
import os
from pathlib import Path

import pytest

from tfkd import cli
from tfkd.spec import load_spec

SPECS = sorted((Path(__file__).resolve().parent.parent / "specs").glob("*.yaml"))
# Their corpora come with no checkout.
FULL_SCALE = {
    "abnet_iwslt14_deen",
    "abnet_wmt14_ende",
    "abnet_wmt14_enfr",
    "gigaword",
    "iwslt_deen",
    "iwslt_envi",
    "lightpaff_bert_polydis",
    "lightpaff_bert_qqp",
    "lightpaff_bert_sst2_paper",
    "lightpaff_gpt2_ptb_paper",
    "lightpaff_gpt2_wikitext103",
    "lightpaff_gpt2_wikitext2_paper",
    "lightpaff_mass_wmt14_enfr",
    "lightpaff_mass_wmt16_ende",
    "lightpaff_mass_wmt17_zhen",
    "mask_kd_wmt14_ende",
    "mask_kd_wmt19_zhen",
    "wmt14_ende",
}
# One of each method and family runs in the short ring, all of them in the long one.
SHORT = {
    "multi30k_deen",
    "mask_kd_multi30k_ende",
    "abnet_multi30k_deen",
    "lightpaff_bert_mrpc",
    "lightpaff_gpt2_wikitext2",
    "lightpaff_mass_multi30k",
}


def names(specs):
    return [path.stem for path in specs]


@pytest.mark.parametrize("path", SPECS, ids=names(SPECS))
def test_it_is_valid_with_all_its_variants(path, capsys):
    assert cli.main(["validate", str(path)]) == cli.DONE
    assert load_spec(path).name == path.stem
    assert "valid" in capsys.readouterr().out


@pytest.mark.parametrize("path", SPECS, ids=names(SPECS))
def test_it_is_planned(path, tmp_path, capsys):
    words = ["plan", str(path), "--runs-dir", str(tmp_path / "runs")]
    # Without the real corpora the tiny run is planned: --smoke needs no files.
    data = os.environ.get("TFKD_DATA")
    words += ["--data-dir", data] if data and path.stem not in FULL_SCALE else ["--smoke"]
    assert cli.main(words) == cli.DONE
    text = capsys.readouterr().out
    spec = load_spec(path)
    for stage in spec.export:
        assert f"train {stage}" in text
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("path", SPECS, ids=names(SPECS))
def test_each_variant_is_planned(path, tmp_path, capsys):
    """Parts, parameters and memory of each row of a paper's table, without its corpora."""
    for variant in load_spec(path).variants:
        words = ["plan", str(path), "--smoke", "--variant", variant]
        assert cli.main([*words, "--runs-dir", str(tmp_path / "runs")]) == cli.DONE, variant
        assert "stages, " in capsys.readouterr().out


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=[] if path.stem in SHORT else [pytest.mark.long]) for path in SPECS],
    ids=names(SPECS),
)
def test_it_runs_at_tiny_sizes(path, tmp_path):
    runs = tmp_path / "runs"
    words = ["run", str(path), "--smoke", "--data-dir", str(tmp_path), "--runs-dir", str(runs)]
    assert cli.main(words) == cli.DONE
    folder = runs / f"{path.stem}-smoke"
    results = json.loads((folder / "results.json").read_text("utf-8"))
    spec = load_spec(path)
    assert {entry["of"] for entry in results["evaluations"] + results["teacher_gates"]} == {
        entry.of for entry in spec.evaluate
    }
    assert [entry["stage"] for entry in results["exports"]] == list(spec.export)
    for entry in results["exports"]:
        assert (folder / entry["folder"] / "saved_model.pb").is_file()
    assert "<html" in (folder / "report.html").read_text("utf-8")


@pytest.mark.long
@pytest.mark.parametrize("name", ["multi30k_deen", "mask_kd_multi30k_ende", "abnet_multi30k_deen"])
def test_every_row_of_a_papers_tables_runs_at_tiny_sizes(name, tmp_path):
    """The variants of a spec, which share their stages."""
    (path,) = (path for path in SPECS if path.stem == name)
    runs = tmp_path / "runs"
    words = ["run", str(path), "--smoke", "--all-variants", "--runs-dir", str(runs)]
    assert cli.main([*words, "--data-dir", str(tmp_path)]) == cli.DONE
    for variant in load_spec(path).variants:
        results = json.loads((runs / f"{path.stem}-smoke@{variant}" / "results.json").read_text())
        assert results["evaluations"]
