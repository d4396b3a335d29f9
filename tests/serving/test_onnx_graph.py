"""ONNX's graphs and converters: tables that are stored once, what loggers are left as, refusals."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest

from tfkd.quiet import errors_alone
from tfkd.serving.formats import litert, onnx
from tfkd.spec.errors import UserError


def tables(**given):
    """A graph that gives the sum of what each table makes of a vector, and its tables."""
    helper = pytest.importorskip("onnx").helper
    from onnx import TensorProto, checker, numpy_helper

    nodes = [helper.make_node("MatMul", ["x", name], [f"of_{name}"]) for name in given]
    nodes.append(helper.make_node("Concat", [f"of_{name}" for name in given], ["y"], axis=0))
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None])],
        [numpy_helper.from_array(value, name) for name, value in given.items()],
    )  # fmt: skip
    return helper.make_model(graph), checker.check_model


@pytest.mark.parametrize("order", ["ATA", "AAT", "TAT", "AT", "SS"])
def test_tables_are_stored_once_in_an_order_that_can_be_computed(order):
    """A a table, T its transpose, S one that is its own."""
    a = np.random.default_rng(1).normal(size=(3, 3)).astype(np.float32)
    values = {"A": a, "T": np.ascontiguousarray(a.T), "S": a + a.T}
    given = {f"t{at}": values[kind] for at, kind in enumerate(order)}
    model, check = tables(**given)
    onnx._kept_once(model.graph)
    check(model, full_check=True)  # nodes stand in topological order
    from onnx.reference import ReferenceEvaluator

    x = np.arange(3, dtype=np.float32)
    (y,) = ReferenceEvaluator(model).run(None, {"x": x})
    np.testing.assert_allclose(y, np.concatenate([x @ one for one in given.values()]), rtol=1e-6)
    assert len(model.graph.initializer) < len(given)


def test_loggers_tell_of_errors_alone_for_a_while(caplog):
    root, own = logging.getLogger(), logging.getLogger("own")
    own.setLevel(logging.DEBUG)
    before = root.level, list(root.handlers)

    def fails():
        with errors_alone("own", ""):
            own.warning("unheard")
            logging.warning("unheard")
            own.error("heard")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert [one.message for one in caplog.records] == ["heard"]
    assert ((root.level, root.handlers), own.level) == (before, logging.DEBUG)


class _ConverterError(Exception):
    """As LiteRT's: of no kind but Exception."""


def _fails(*given, **more):
    raise _ConverterError("failed: no such op\nand more")


def piece(model=None, call=None):
    return SimpleNamespace(name="model", traced=lambda batch: (model, call))


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("failing", "quantize"),
    [
        ("from_function", "float32"), ("quantize_dynamic", "int8"),
        ("SerializeToString", "float32"), ("SerializeToString", "int8"),
    ],
)  # fmt: skip
def test_whatever_onnx_s_converters_raise_is_told(tmp_path, monkeypatch, failing, quantize):
    pytest.importorskip("tf2onnx")
    quantization = pytest.importorskip("onnxruntime.quantization")
    made, _ = tables(a=np.ones((3, 2), np.float32))
    convert = lambda *_, **more: (made, None)  # noqa: E731
    if failing == "SerializeToString":
        broken = SimpleNamespace(graph=made.graph, SerializeToString=_fails)
        convert = lambda *_, **more: (broken, None)  # noqa: E731
        monkeypatch.setattr(quantization, "quantize_dynamic", lambda *_, **more: None)
        monkeypatch.setattr("onnx.load", lambda path: broken)
    elif failing == "quantize_dynamic":
        monkeypatch.setattr(quantization, "quantize_dynamic", _fails)
    else:
        convert = _fails
    monkeypatch.setattr("tf2onnx.convert.from_function", convert)
    level = logging.getLogger().level
    call = SimpleNamespace(input_signature=[])
    with pytest.raises(UserError, match=r"tf2onnx cannot write model \(failed: no such op\)\. Exp"):
        onnx.Onnx().convert(piece(call=call), tmp_path / "model.onnx", quantize)
    assert logging.getLogger().level == level


@pytest.mark.tensorflow
def test_what_litert_s_converter_raises_is_told(tmp_path, monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(tf.saved_model, "save", lambda *_, **more: None)
    given = SimpleNamespace(from_saved_model=lambda path: SimpleNamespace(convert=_fails))
    monkeypatch.setattr(tf.lite, "TFLiteConverter", given)
    with pytest.raises(UserError, match=r"LiteRT's converter cannot write model \(failed: no su"):
        litert.LiteRT().convert(piece(), tmp_path / "model.tflite", "float32")
