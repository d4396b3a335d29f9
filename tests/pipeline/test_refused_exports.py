"""An export that is refused in a run says which it is, and what can be done."""

from types import SimpleNamespace

import pytest

from tfkd.pipeline.stages import export
from tfkd.serving.check_result import ExportRefusedError
from tfkd.spec.errors import UserError


@pytest.mark.parametrize(
    ("quantize", "said"),
    [
        ("int8", "another quantize than int8, a short tuning with precision: {fake_quantize: int8} "
         "before it"),
        ("bfloat16", "another quantize than bfloat16, or learn out of `export:`"),
        ("float32", "Expected another format, or learn out of `export:`"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_export_and_a_way_out(tmp_path, monkeypatch, quantize, said):
    def write(subject, options, final):
        raise ExportRefusedError("export refused: its log-probabilities are not the model's")

    monkeypatch.setattr(export, "format_of", lambda name: SimpleNamespace(write=write))
    monkeypatch.setattr(export, "_card_of", lambda trained: {})
    monkeypatch.setattr("tfkd.pipeline.engine.fresh_start.fresh_start", lambda: None)
    monkeypatch.setattr("tfkd.pipeline.inputs.models.trained_model", lambda *given: None)
    options = SimpleNamespace(format="litert", quantize=quantize, of="learn", name="litert_int8")
    node = SimpleNamespace(
        label="learn as litert_int8", inputs={"model": None}, options={"export": options},
        task=SimpleNamespace(subject=lambda *given: None),
    )  # fmt: skip
    with pytest.raises(ExportRefusedError, match=r"^learn as litert_int8: export ref") as raised:
        export.ExportStage().run(node, SimpleNamespace(path=tmp_path), None)
    assert said in str(raised.value)


def test_a_checkpoint_of_another_spec_needs_lines_to_be_held_on():
    loaded = SimpleNamespace(inputs={})
    graph = SimpleNamespace(stage=lambda spec, name: SimpleNamespace(trained=loaded))
    asked = SimpleNamespace(of="other.yaml:read", format="ctranslate2")
    with pytest.raises(UserError, match=r"other.yaml:read loads .*; expected an evaluation of oth"):
        export.ExportStage().node(graph, None, asked, None)
