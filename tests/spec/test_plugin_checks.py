"""What a plugin adds and cannot do yet is said at the start, not after hours of training."""

import sys
from types import SimpleNamespace
from typing import ClassVar, Literal

import pytest
from pydantic import Field
from spec_files import SMALL, loaded, replaced

from tfkd.spec import SpecErrors, UserError, registry
from tfkd.spec.builtins import register_builtins
from tfkd.spec.options import TransformerOptions, ViewOptions
from tfkd.spec.options.base import Options
from tfkd.spec.options.objectives import TermOptions
from tfkd.spec.options.views import Reader


class DrawnOptions(Options):
    """A search of one's own."""

    kind: Literal["drawn"] = Field("drawn", description="The kind of search.")


class OwnOptions(TransformerOptions):
    """A model of one's own."""

    kind: Literal["own"] = Field("own", description="The kind of model.")


class BlankedOptions(ViewOptions):
    """A view of one's own: every fourth word is to be filled in."""

    readers: ClassVar = frozenset({Reader.ENCODER})
    terms: ClassVar = ("masked_lm",)
    masks: ClassVar = True
    kind: Literal["blanked"] = Field("blanked", description="The kind of view.")


class AnyOptions(ViewOptions):
    """A view that says nothing of itself."""

    kind: Literal["any"] = Field("any", description="The kind of view.")


@pytest.fixture(autouse=True)
def own(monkeypatch):
    """A registry that has all, behind the package's own, and forgets them."""
    register_builtins()
    monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    registry.register("decode", "drawn", options=DrawnOptions, target="nowhere:Drawn")
    registry.register("model", "own", options=OwnOptions, target="nowhere:Own")
    for options in (BlankedOptions, AnyOptions):
        kind = options.model_fields["kind"].default
        registry.register("view", kind, options=options, target="nowhere:View")


def test_a_search_of_ones_own_may_be_exported(tmp_path):
    """Whether it can, its class says, which a run asks at its start."""
    assert loaded(tmp_path, replaced("decode: {kind: beam}", "decode: {kind: drawn}")).export
    own = SMALL.replace("student: {kind: transformer", "student: {kind: own")
    spec = loaded(tmp_path, replaced("decode: {kind: beam}", "decode: {kind: drawn}", own))
    assert spec.models["student"].kind == "own"


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


BYTES = "{kind: byte_bpe, size: 300, learn_from: text}"
READ = "student.objective.cross_entropy"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        # Read by whom it says, in the terms that it says, with what it needs.
        (["views.mlm={kind: blanked}"], None),
        (["views.mlm={kind: any}"], None),
        ([f"stages.{READ}.view=cmlm", "views.cmlm={kind: any}", "stages.finetune.objective="
          "{masked_lm: {view: mlm}}"], None),
        ([f"stages.{READ}.view=mlm", "views.mlm={kind: blanked}"], "blanked. is for a bert"),
        (["stages.pretrain.objective={causal_lm: {view: mlm}}", "views.mlm={kind: blanked}"],
         "of kind blanked, which a causal_lm term cannot read"),
        (["views.mlm={kind: blanked}", f"tokenizers.bytes={BYTES}", "teacher.tokenizer=bytes"],
         "blanked. hides words by .MASK., and bytes"),
        (["stages.pretrain.objective={masked_lm: {}}"], "by_side or blanked or any"),
    ],
)  # fmt: skip
def test_a_view_of_ones_own_says_who_can_read_it(tmp_path, changes, said):
    if said is None:
        assert loaded(tmp_path, overrides=changes)
        return
    with pytest.raises(SpecErrors, match=said):
        loaded(tmp_path, overrides=changes)


def test_a_view_must_say_it(monkeypatch):
    with pytest.raises(ValueError, match=r"ViewOptions, .*Received: options=DrawnOptions"):
        registry.register("view", "drawn", options=DrawnOptions, target="nowhere:Drawn")


class FlatOptions(TermOptions):
    """A term of one's own."""

    kind: Literal["flat"] = Field("flat", description="The kind of term.")


@pytest.mark.parametrize(
    ("own", "fits"),
    [({}, False), ({"weighs_rows": False}, False), ({"weighs_rows": True}, True),
     ({"request": None}, True), (None, True)],
)  # fmt: skip
def test_a_term_of_ones_own_that_reads_weighed_rows_says_that_it_weighs_them(
    tmp_path, monkeypatch, own, fits
):
    """Where its class cannot be imported nothing is told: the spec may be run elsewhere."""
    module = SimpleNamespace() if own is None else SimpleNamespace(Flat=type("Flat", (), own))
    monkeypatch.setitem(sys.modules, "own_terms", module)
    registry.register("objective", "flat", options=FlatOptions, target="own_terms:Flat")
    rows = "data.train={tsv: a.tsv, columns: {source: 0, target: 1, list: 2, score: 3}}"
    changes = [rows, "stages.student.objective={cross_entropy: {}, flat: {}}"]
    assert loaded(tmp_path, overrides=changes)
    changes.append("stages.student.data={of: train, row_weights: score}")
    if fits:
        assert loaded(tmp_path, overrides=changes)
        return
    with pytest.raises(
        SpecErrors, match=r"objective\.flat: flat counts each row as much, and data"
    ):
        loaded(tmp_path, overrides=changes)
