"""What a plugin adds and cannot do yet is said at the start, not after hours of training."""

from typing import Literal

import pytest
from pydantic import Field
from spec_files import SMALL, loaded, replaced

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
