"""The form of results.json, and thinned histories."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfkd.evaluation import result_errors, thin_history
from tfkd.evaluation.results.form import upgraded
from tfkd.spec.metrics import higher_is_better


def results(**changes):
    return {
        "tfkd": "0.1.0", "schema": 2, "name": "x", "variant": None, "seed": 1, "command": "tfkd",
        "started": "", "finished": "", "seconds": 1, "machine": {}, "spec": {}, "provenance": {},
        "data": {}, "stages": {}, "histories": {}, "evaluations": [], "teacher_checks": [],
        "exports": [], "warnings": [], "added by a plugin": 1,
    } | changes  # fmt: skip


def test_a_good_form_passes_and_new_keys_may_come():
    assert result_errors(results()) == []


def test_what_an_earlier_version_wrote_is_read_by_its_names_of_now():
    check = {"of": "a", "on": "b", "baseline": None, "verdict": "", "message": ""}
    point = {"sigma": 0.1, "mean": 1.0, "values": [1.0]}
    entry = {"of": "a", "variant": None, "on": "b", "seed": 1, "rows": 2, "metrics": {}}
    noise = {"seed": 1, "draws": 1}

    def of(schema: int, checks: str, measured: str, deviation: str):
        points = [{**point, deviation: 0.5}]
        return results(
            schema=schema, spec={"spread": "figures"},
            evaluations=[{**entry, "noise": {**noise, "metrics": {"loss": points}}}],
            over_seeds=[{"metrics": {"loss": {deviation: None}}}],
            **{checks: [{**check, measured: {"accuracy": 0.5}}]},
        )  # fmt: skip

    now = of(2, "teacher_checks", "metrics", "std")
    before = of(1, "teacher_gates", "figures", "spread")
    del before["teacher_checks"]
    assert result_errors(before)
    assert upgraded(before) == now
    assert upgraded(now) is now
    assert upgraded([]) == []


def test_the_spec_of_an_earlier_version_says_what_one_of_now_says():
    """So that a report of both shows no difference where there is none."""

    def of(check: str, positions: str):
        changes = {"evaluate.0.metrics": [check], "student.positions": positions}
        entries = [{"of": "a", "metrics": ["loss", check]}, {"of": check, "metrics": check}]
        return {
            "name": check, "evaluate": entries, "variants": {"v": changes},
            "teacher": {"positions": positions, "text": {"positions": positions}},
        }  # fmt: skip

    before, now = of("teacher_gate", "stream"), of("teacher_check", "sequence")
    now["name"] = now["evaluate"][1]["of"] = "teacher_gate"  # names of stages and specs stay
    assert upgraded(results(schema=1, spec=before))["spec"] == now
    assert upgraded(results(schema=1, spec=None))["spec"] is None


def test_a_metric_keeps_its_name():
    noise = {"metrics": {}, "spread": 1.0}
    entry = {"metrics": {"spread": 1}, "noise": noise, "against": {"noise": noise}}
    (found,) = upgraded({"schema": 1, "evaluations": [entry]})["evaluations"]
    assert found["metrics"] == {"spread": 1}
    assert "std" in found["noise"]
    assert "std" in found["against"]["noise"]


def test_errors_name_their_place():
    bucket = {"from": 1, "to": None, "rows": "many", "value": 3.0, "against": None}
    entry = {
        "of": "a", "variant": None, "on": "b", "seed": 1, "rows": 2, "metrics": {},
        "by_length": [bucket],
    }  # fmt: skip
    (error,) = result_errors(results(evaluations=[entry]))
    assert error.startswith("evaluations.0.by_length.0.rows:")
    assert any(line.startswith("stages:") for line in result_errors(results(stages=[])))
    assert "expected 2" in result_errors(results(schema=3))[0]
    assert result_errors([])


def test_a_figure_that_is_no_number_is_null_and_a_count_is_none():
    figure = {"value": None, "low": None, "high": None, "signature": "x"}
    entry = {
        "of": "a", "variant": None, "on": "b", "seed": 1, "rows": 2, "metrics": {"loss": figure},
    }  # fmt: skip
    assert result_errors(results(seconds=None, evaluations=[entry])) == []
    assert result_errors(results(evaluations=[{**entry, "rows": None}]))
    assert result_errors(results(seconds="long"))


@given(kinds=st.lists(st.booleans(), max_size=300), limit=st.integers(4, 60))
def test_thinned_histories_keep_order_and_ends(kinds, limit):
    lines = [{"step": i, "validation": {}} if kind else {"step": i} for i, kind in enumerate(kinds)]
    thin = thin_history(lines, limit)
    assert len(thin) <= limit
    assert [line["step"] for line in thin] == sorted({line["step"] for line in thin})
    if len(lines) <= limit:
        assert thin == lines
    for kind in (True, False):
        of_kind = [line for line in lines if ("validation" in line) == kind]
        kept = [line for line in thin if ("validation" in line) == kind]
        if of_kind:
            assert kept[-1] == of_kind[-1]
            assert len(kept) < 2 or kept[0] == of_kind[0]


def test_a_tiny_limit_is_refused():
    with pytest.raises(ValueError, match="limit=3"):
        thin_history([], 3)


def test_directions():
    assert higher_is_better("bleu")
    assert not higher_is_better("perplexity")
