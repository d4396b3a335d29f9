"""A format in one module: in specs, written, opened, refused, and in a run."""

import json

import pytest

from tfkd.reference import json_schema
from tfkd.spec import load_spec, validate_files

SPEC = """\
tfkd: 1
name: table
data: {pairs: {generated: everyday, rows: 60, seed: 1}}
tokenizers: {joint: {size: 150, learn_from: [pairs]}}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 16, heads: 2,
  tokenizer: joint}
stages: {learn: {train: student, data: pairs, objective: {cross_entropy: {}}, steps: 2}}
evaluate: [{of: learn, export: lookup, on: pairs, metrics: [bleu], against: learn}]
export: [{of: learn, format: lookup, lines: 10}]
"""


@pytest.fixture
def spec(join, tmp_path):
    join("lookup_format")
    path = tmp_path / "table.yaml"
    path.write_text(SPEC, "utf-8")
    return path


def test_a_spec_names_it_and_its_options(spec):
    assert load_spec(spec).export[0].lines == 10
    assert '"lookup"' in json.dumps(json_schema()["properties"]["export"])
    spec.write_text(SPEC.replace("lines: 10", "lines: 0"), "utf-8")
    (error,) = validate_files([spec])
    assert "export.0.lines" in str(error)


@pytest.mark.long
@pytest.mark.tensorflow
def test_a_run_writes_it_and_scores_it(spec, tmp_path):
    import tfkd

    run = tfkd.run(spec, runs_dir=tmp_path / "runs", plugins=["lookup_format"])
    (entry,) = run.results["evaluations"]
    assert (entry["export"], entry["against"]["of"]) == ("lookup", "learn")
    (export,) = run.results["exports"]
    assert (export["format"], export["check"]) == ("lookup", {"lines": 10})
    assert export["folder"] == "export/learn/lookup"
    assert (run.folder / export["folder"] / "checksums.json").is_file()
