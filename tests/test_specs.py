"""The specs that come with the package: valid and planned."""

import os
import re
from pathlib import Path

import pytest

from tfkd import cli
from tfkd.spec import load_spec

SPECS = sorted((Path(__file__).resolve().parent.parent / "specs").glob("*.yaml"))
# Their corpora, or the published folders that they read, come with no checkout.
FULL_SCALE = {
    "abnet_iwslt14_deen",
    "abnet_wmt14_ende",
    "abnet_wmt14_enfr",
    "browser_translator",
    "distill_opus_mt",
    "distill_causal_lm",
    "distill_sequence_classifier",
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
# Grids of many settings, which the long ring plans; the short one looks at graphs of theirs in
# `pipeline/test_graph_keys`, and `signals_ptb` is like two of them.
GRIDS = {"signals_multi30k", "signals_sst2", "when_it_pays"}


def names(specs):
    return [path.stem for path in specs]


def planned(more=lambda path: []):
    """The specs as parameters: grids are marked."""
    marks = {path: [pytest.mark.long] if path.stem in GRIDS else [] for path in SPECS}
    return [pytest.param(path, marks=marks[path] + more(path), id=path.stem) for path in SPECS]


def reads_data(path):
    return bool(os.environ.get("TFKD_DATA")) and path.stem not in FULL_SCALE


@pytest.mark.parametrize("path", SPECS, ids=names(SPECS))
def test_it_is_valid_with_all_its_variants(path, capsys):
    words = ["validate", str(path), "--no-files"]
    if reads_data(path):
        words = words[:2]  # and so are its files
    assert cli.main(words) == cli.DONE
    spec = load_spec(path)
    assert spec.name == path.stem
    assert spec.description
    assert "valid" in capsys.readouterr().out


@pytest.mark.parametrize(
    "path", planned(lambda path: [pytest.mark.tensorflow] if reads_data(path) else [])
)
def test_it_is_planned(path, tmp_path, capsys):
    words = ["plan", str(path), "--runs-dir", str(tmp_path / "runs")]
    # Without the real corpora the tiny run is planned: --smoke needs no files.
    words += ["--data-dir", os.environ["TFKD_DATA"]] if reads_data(path) else ["--smoke"]
    assert cli.main(words) == cli.DONE
    text = capsys.readouterr().out
    spec = load_spec(path)
    for stage in spec.export:
        assert re.search(rf"^\w+ {stage.of}\b", text, re.MULTILINE)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("which", ["last", pytest.param("all", marks=pytest.mark.long)])
@pytest.mark.parametrize("path", planned())
def test_each_variant_is_planned(path, which, tmp_path, capsys):
    """Parts, parameters and memory of each row of a paper's table, without its corpora; of the
    grids of settings every third. In the short ring the last of them, whose graphs are all in
    `pipeline/test_graph_keys`."""
    variants = load_spec(path).variants
    if which == "last":
        variants = variants[-1:]
    for variant in variants[:: 3 if path.stem.startswith("signals_") else 1]:
        words = ["plan", str(path), "--smoke", "--variant", variant]
        assert cli.main([*words, "--runs-dir", str(tmp_path / "runs")]) == cli.DONE, variant
        assert "stages, " in capsys.readouterr().out
