"""Translate stages that choose one of several outputs: what specs may say of it."""

import pytest
from test_translate_stage import faults, load

from tfkd.spec.options import BeamOptions, MaskPredictOptions


@pytest.mark.parametrize(
    ("choose", "decode", "said"),
    [
        ("{best_of: 8, by: bleu}", None, None),
        ("{mbr: chrf}", "{kind: sample, n_best: 4}", None),
        ("{best_of: 4, by: chrf}", "{kind: beam, beam: 4}", None),
        ("{best_of: 8}", None, "neither by nor mbr; expected one of the two"),
        ("{best_of: 8, by: bleu, mbr: chrf}", None, "by and mbr; expected one"),
        ("{best_of: 8, by: blue}", None, "'blue' is no metric"),
        ("{best_of: 8, by: loss}", None, "loss is of no outputs"),
        ("{by: bleu}", None, "of one output there is no choice"),
        ("{best_of: 8, by: bleu}", "{kind: greedy}", "greedy gives one output"),
        ("{best_of: 8, by: bleu}", "{kind: beam, beam: 4}", "8 of beam: 4; expected beam: 8 in"),
        ("{best_of: 8, by: bleu}", "{kind: beam, beam: 8, n_best: 4}", "and decode has n_best: 4"),
        ("{best_of: 8, by: bleu, against: list}", None, "train has no text list, but source, t"),
        ("{best_of: 8, by: bleu, against: source}", None, "source, which is read of train"),
        ("{best_of: 8, mbr: bleu, against: source}", None, "source beside mbr, which holds the"),
    ],
)
def test_which_output_is_chosen(tmp_path, choose, decode, said):
    changes = [f"stages.synthetic.choose={choose}"]
    changes += [] if decode is None else [f"stages.synthetic.decode={decode}"]
    if said is None:
        stage = load(tmp_path, *changes).stages["synthetic"]
        assert stage.field_names == ("source", "target")
        decoding = stage.decoding(BeamOptions())
        assert decoding.n_best in (4, 8)
        assert getattr(decoding, "beam", 8) >= decoding.n_best
        if decode is None:  # of a model that fills in words
            filled = stage.decoding(MaskPredictOptions())
            assert filled.length_candidates == filled.n_best == decoding.n_best
        return
    (fault,) = faults(tmp_path, *changes)
    assert "stages.synthetic.choose" in fault
    assert said in fault
