"""What is said of guesses of labels before they are counted."""

from types import SimpleNamespace

import pytest

from tfkd.pipeline.tasks import label_results
from tfkd.spec.errors import UserError


@pytest.mark.parametrize("classes", [["0", "1", "2", "3"], ["1", "0", "2"]])
def test_classifiers_of_other_classes_are_not_compared(monkeypatch, classes):
    """Their counts have other columns: of three classes and of four, or in another order."""
    known = {"ours": ["0", "1", "2"], "theirs": classes}
    monkeypatch.setattr(label_results, "class_names", lambda system, context: known[system])
    options = SimpleNamespace(of="ours", against="theirs")
    evaluation = SimpleNamespace(options=options, system="ours", baseline="theirs")
    with pytest.raises(UserError, match="theirs tells other classes apart than ours"):
        label_results.check_baseline(evaluation, None)
    known["theirs"] = known["ours"]
    label_results.check_baseline(evaluation, None)
