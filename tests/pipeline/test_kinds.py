"""Kinds of stages: found by name, without TensorFlow, and one a name."""

import subprocess
import sys
from typing import ClassVar

import pytest

from tfkd.pipeline.engine.kinds import revisions, stage_of
from tfkd.spec import registry
from tfkd.spec.builtins import register_builtins
from tfkd.spec.errors import UserError
from tfkd.spec.registry import UNNAMED_STAGES
from tfkd.spec.stage import StageOptions
from tfkd.spec.stage_kinds import kinds

register_builtins()


class OwnOptions(StageOptions):
    """A kind of one's own, which does nothing."""

    kind: ClassVar[str] = "own"


@pytest.fixture
def own_entries(monkeypatch):
    """A registry that forgets what a test adds."""
    monkeypatch.setattr(registry, "_entries", dict(registry._entries))


@pytest.mark.parametrize("kind", [*UNNAMED_STAGES, *kinds()])
def test_every_kind_has_its_name(kind):
    stage = stage_of(kind)
    assert stage.kind == kind
    assert stage.shown == (kind in kinds())
    assert revisions(kind) == {"revision": stage.revision}


def test_kinds_are_found_without_tensorflow():
    code = (
        "import sys; from tfkd.pipeline.engine.kinds import stage_of; "
        "from tfkd.spec.builtins import register_builtins; register_builtins(); "
        "from tfkd.spec.registry import UNNAMED_STAGES; "
        "from tfkd.spec.stage_kinds import kinds; "
        "[stage_of(kind) for kind in (*UNNAMED_STAGES, *kinds())]; "
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.usefixtures("own_entries")
def test_a_revision_that_was_registered_is_in_the_key():
    target = "tfkd.pipeline.stages.load:LoadStage"
    registry.register("stage", "own", options=OwnOptions, target=target, revision=3)
    assert revisions("own") == {"revision": 1, "stage_revision": 3}


@pytest.mark.usefixtures("own_entries")
def test_a_class_that_is_not_there_is_told():
    registry.register("stage", "own", options=OwnOptions, target="nowhere:Own")
    with pytest.raises(UserError, match=r"the stage own of a plugin: nowhere:Own cannot be import"):
        stage_of("own")


@pytest.mark.usefixtures("own_entries")
@pytest.mark.parametrize("name", ["other", "export", "train"])
def test_a_kind_is_named_as_its_options_are_and_as_no_other(name):
    with pytest.raises(ValueError, match=f"name={name!r}|is tfkd.pipeline.stages.train:TrainStage"):
        registry.register("stage", name, options=OwnOptions, target="a:B")
