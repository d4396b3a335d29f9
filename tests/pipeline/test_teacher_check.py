"""When a teacher check's verdict is said."""

from types import SimpleNamespace

import pytest

from tfkd.pipeline.scoring import teacher_check

pytestmark = pytest.mark.tensorflow

TEACHER, BASELINE = (SimpleNamespace(key=key) for key in ("teacher", "baseline"))


@pytest.fixture(autouse=True)
def verdicts(monkeypatch):
    monkeypatch.setattr(teacher_check, "judged", lambda check, _: {"message": check.name})
    monkeypatch.setattr(teacher_check, "check_line", lambda entry: entry["message"])


def said(stages, cached, baseline=BASELINE):
    """The lines after each of these stages."""
    nodes = [TEACHER] if baseline is None else [TEACHER, baseline]
    check = SimpleNamespace(name="verdict", nodes=nodes)
    done, old, lines = set(), set(), {}
    for key in stages:
        done.add(key)
        old |= {key} & set(cached)
        lines[key] = list(teacher_check.news([check], done, old, key, None))
    return lines


@pytest.mark.parametrize("cached", [[], ["teacher"], ["baseline"], ["other", "baseline"]])
@pytest.mark.parametrize("order", [["teacher", "baseline"], ["baseline", "teacher"]])
def test_once_where_both_are_done_and_one_is_new(order, cached):
    lines = said([order[0], "other", order[1], "student"], cached)
    assert lines.pop(order[1]) == ["verdict"]
    assert not any(lines.values())


def test_not_again_of_what_was_done_before():
    assert not any(said(["teacher", "other", "baseline"], ["teacher", "baseline"]).values())


def test_of_a_teacher_alone_as_soon_as_it_is_measured():
    assert said(["teacher", "student"], [], baseline=None) == {
        "teacher": ["verdict"],
        "student": [],
    }
    assert not any(said(["teacher", "student"], ["teacher"], baseline=None).values())
