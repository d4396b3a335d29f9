"""What plugins bring: classes that are imported before a run begins, and ops of their own."""

from types import SimpleNamespace

import pytest
from small_line import SPEC

from tfkd.pipeline.engine.results import other_ops
from tfkd.pipeline.plan.plugin_classes import import_named, named
from tfkd.spec import load_spec, registry
from tfkd.spec.builtins import register_builtins
from tfkd.spec.errors import UserError
from tfkd.spec.options import ModelOptions


def spec(**parts):
    """A spec as far as it is asked for names."""
    empty = {"models": {}, "adapters": {}, "views": {}, "stages": {}, "evaluate": (), "export": ()}
    return SimpleNamespace(**{**empty, **parts})


def test_all_that_a_spec_names_is_found(tmp_path):
    (tmp_path / "small.yaml").write_text(SPEC, "utf-8")
    assert set(named(load_spec(tmp_path / "small.yaml"))) == {
        ("model", "bert"), ("model", "transformer"), ("view", "conditional_mlm"),
        ("objective", "masked_lm"), ("objective", "cross_entropy"), ("objective", "soft_targets"),
        ("optimizer", "adam"), ("decode", "greedy"), ("schedule", "linear"),
        ("format", "saved_model"),
        *(("metric", name) for name in ("bleu", "chrf", "rouge_l", "loss", "perplexity")),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "target", "said"),
    [
        ("decode", "nowhere:Search", r"nowhere:Search cannot be imported \(ModuleNotFoundError"),
        ("decode", "json:Search", r"json:Search cannot be imported \(AttributeError"),
        ("model", "json:JSONDecoder", "JSONDecoder has no class method from_options"),
    ],
)
def test_a_class_that_is_not_there_is_said_at_once(monkeypatch, kind, target, said):
    register_builtins()
    monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    registry.register(kind, "own", options=ModelOptions, target=target)
    own = SimpleNamespace(kind="own")
    stage = SimpleNamespace(of_kinds=list, validate_=SimpleNamespace(decode=own))
    uses = spec(stages={"a": stage}) if kind == "decode" else spec(models={"student": own})
    with pytest.raises(UserError, match=f"the {kind} own of a plugin: .*{said}"):
        import_named([spec(), uses])


def test_classes_of_the_package_are_left_alone(monkeypatch):
    monkeypatch.setattr(registry, "load", lambda entry: pytest.fail("TensorFlow would be imported"))
    import_named([spec(models={"student": SimpleNamespace(kind="bert")})])


def test_a_run_says_which_of_its_exports_need_trust():
    (said,) = other_ops([{"stage": "plain"}, {"stage": "own", "more_ops": ["Cholesky", "Qr"]}])
    assert said.startswith("own: its SavedModel has Cholesky, Qr, which")
    assert "--trust" in said
