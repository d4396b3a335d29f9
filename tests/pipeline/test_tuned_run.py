"""A run whose decoding is chosen on validation, beside one that is told the choice."""

import json
import shutil

import pytest
import sacrebleu
from small_line import arguments, stage_folders

from tfkd import cli
from tfkd.evaluation import result_errors
from tfkd.pipeline.engine.run_again import make_again

TRIED = [0.0, 2.0]


@pytest.mark.long
def test_the_test_set_and_the_export_are_decoded_with_the_best_on_validation(
    line, tmp_path, checked_here
):
    runs = tmp_path / "runs"
    shutil.copytree(line.runs, runs, symlinks=True)
    run = runs / "small"

    def results(*overrides):
        words = [word for one in overrides for word in ("--set", one)]
        assert cli.main(arguments(line.spec, runs, *words)) == cli.DONE
        return json.loads((run / "results.json").read_text("utf-8"))

    def outputs(name):
        return (run / name).read_text("utf-8").splitlines()

    choose = f"evaluate.1.choose={{decode.length_penalty: {TRIED}, by: valid.chrf}}"
    found = results("evaluate.1.decode={kind: beam, beam: 2}", choose)
    assert result_errors(found) == []
    entry = found["evaluations"][0]
    references = (line.spec.parent / "valid.en").read_text("utf-8").lower().splitlines()
    best = {}
    for choice in found["choices"]:
        values = []
        for trial in choice["trials"]:
            path = runs / "stages" / f"evaluate-{trial['fingerprint']}" / "hypotheses.txt"
            lines = path.read_text("utf-8").splitlines()
            values.append(sacrebleu.corpus_chrf(lines, [references]).score)
            assert trial["value"] == pytest.approx(values[-1])
        assert choice["chosen"] == values.index(max(values))
        best[choice["stage"]] = TRIED[choice["chosen"]]
    assert best.keys() == {"learn", "learn#baseline"}
    ours, theirs = (
        {"kind": "beam", "beam": 2, "length_penalty": best[stage]}
        for stage in ("learn", "learn#baseline")
    )
    assert entry["decode"] == ours
    assert entry["against"].get("decode", entry["decode"]) == theirs
    assert found["exports"][0]["decode"] == ours
    card = (run / "export" / "learn" / "1" / "README.md").read_text("utf-8")
    assert f"A score is log p / ((5 + tokens) / 6)^{best['learn']}," in card
    kept = outputs(entry["hypotheses"])
    # Scored again, nothing is made anew.
    stages = {folder.name for folder in stage_folders(runs, "evaluate")}
    again = make_again(run)
    assert again["choices"] == found["choices"]
    assert {folder.name for folder in stage_folders(runs, "evaluate")} == stages
    # The same by hand, each model told its own.
    by_hand = results(
        f"evaluate.1.decode={json.dumps(ours)}",
        f"evaluate.1.against_decode={json.dumps(theirs)}",
        "export=[]",
    )
    told = by_hand["evaluations"][0]
    assert kept == outputs(told["hypotheses"])
    assert told["metrics"] == entry["metrics"]
    assert told["against"]["metrics"] == entry["against"]["metrics"]
