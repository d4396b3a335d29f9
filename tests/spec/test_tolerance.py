"""How far an export may be from its model."""

from pathlib import Path

import pytest

from tfkd.pipeline.plan.smoke import smoke_spec
from tfkd.spec import load_spec
from tfkd.spec.formats.ctranslate2 import CTranslate2Options
from tfkd.spec.formats.litert import LiteRTOptions

USUAL = {"float32": (1e-3, 1e-4), "int8": (1.0, 0.1)}
SPECS = Path(__file__).resolve().parents[2] / "specs"


@pytest.mark.parametrize("made", [CTranslate2Options, LiteRTOptions])
def test_it_is_the_usual_one_or_what_is_asked_for(made):
    name = made.model_fields["format"].annotation.__args__[0]
    given = {"of": "learn", "format": name, "quantize": "int8"}
    assert made(**given).tolerated(USUAL) == (1.0, 0.1)
    assert made(**given, tolerance=0.3).tolerated(USUAL) == pytest.approx((3.0, 0.3))
    with pytest.raises(ValueError, match="tolerance"):
        made(**given, tolerance=0)


def test_tiny_models_of_a_few_steps_are_held_to_nothing_in_8_bits():
    spec = smoke_spec(load_spec(SPECS / "translator_exports.yaml"))
    tolerances = {one.name: getattr(one, "tolerance", None) for one in spec.export}
    assert tolerances["ctranslate2_float32"] is None
    assert tolerances["ctranslate2_int8"] > 10
