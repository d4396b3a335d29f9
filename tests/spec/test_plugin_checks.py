"""What a plugin adds and cannot do yet is said at the start, not after hours of training."""

from typing import Literal

import pytest
from pydantic import Field
from spec_files import SMALL, faults, line_of, loaded, replaced

from tfkd.spec import UserError, registry
from tfkd.spec.options import TransformerOptions
from tfkd.spec.options.base import Options


class DrawnOptions(Options):
    """A search of one's own."""

    kind: Literal["drawn"] = Field("drawn", description="The kind of search.")


class OwnOptions(TransformerOptions):
    """A model of one's own."""

    kind: Literal["own"] = Field("own", description="The kind of model.")


@pytest.fixture(autouse=True)
def own(monkeypatch):
    """A registry that has both, and forgets them."""
    monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    registry.register("decode", "drawn", options=DrawnOptions, target="nowhere:Drawn")
    registry.register("model", "own", options=OwnOptions, target="nowhere:Own")


DRAWN = replaced("decode: {kind: beam}", "decode: {kind: drawn}")
REASON = "student is decoded by drawn of a plugin in its first evaluation, and a SavedModel is"


def test_a_search_of_ones_own_is_not_exported(tmp_path):
    (said,) = faults(tmp_path, DRAWN)
    line = line_of("export: [student]", DRAWN)
    assert said.startswith(f"small.yaml:{line}: export.0: {REASON} checked against")
    assert said.endswith("expected an evaluation of it with beam or greedy first, or no export")
    (said,) = faults(tmp_path, SMALL, overrides=["evaluate.1.decode={kind: drawn}"])
    assert REASON in said


def test_it_is_not_exported_from_another_file_either(tmp_path):
    (tmp_path / "other.yaml").write_text(replaced("name: small", "name: other"), "utf-8")
    other = "other.yaml:student"
    text = DRAWN.replace("of: student", f'of: "{other}"').replace("[student]", f'["{other}"]')
    (said,) = faults(tmp_path, text)
    assert f"{other} is decoded by drawn of a plugin" in said


def test_it_decodes_where_nothing_is_exported_by_it(tmp_path):
    assert loaded(tmp_path, replaced("export: [student]", "export: []", DRAWN)).export == ()
    first = "- {of: student, on: valid, metrics: [bleu], decode: {kind: greedy}}\n  - of: student"
    spec = loaded(tmp_path, replaced("- of: student", first, DRAWN))
    assert spec.evaluate[2].decode.kind == "drawn"


def test_draws_of_a_model_of_ones_own_are_not_exported(tmp_path):
    text = SMALL.replace("student: {kind: transformer", "student: {kind: own")
    assert loaded(tmp_path, text).models["student"].kind == "own"
    (said,) = faults(tmp_path, replaced("decode: {kind: beam}", "decode: {kind: sample}", text))
    assert "student is decoded by draws in its first evaluation" in said


@pytest.mark.parametrize("kind", registry.CLOSED)
def test_what_no_spec_could_name_is_not_registered(kind, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=rf"A plugin cannot add a {kind} so far.*'decode'"):
        registry.register(kind, "mine", options=DrawnOptions, target="a:B")
    assert "mine" not in registry.names(kind)
    # In both ways to join: while a module is imported, and in its function.
    add = f"add({kind!r}, 'mine', options=dict, target='a:B')"
    start = "from tfkd.spec.registry import register as add\n"
    for name, code in (("joins", start + add), ("called", f"{start}def register(): {add}")):
        (tmp_path / f"{name}_{kind}.py").write_text(code)
        monkeypatch.syspath_prepend(tmp_path)
        with pytest.raises(UserError, match=rf"plugin {name}_{kind} cannot .*cannot add a {kind}"):
            registry.load_plugins([f"{name}_{kind}"])
