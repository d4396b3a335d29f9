"""ONNX, for ONNX Runtime: quick on servers' CPUs, in 8 bits if asked for."""

import logging
from pathlib import Path
from typing import Any, ClassVar

from tfkd.quiet import standard_error_aside
from tfkd.serving.formats.graph import GraphFormat
from tfkd.serving.formats.run import Run, missing, threads
from tfkd.spec.errors import UserError
from tfkd.spec.formats.onnx import OnnxOptions

# Of ONNX's operations: old enough for runtimes of the last years.
OPSET = 17


class Onnx(GraphFormat):
    """Folders with `.onnx` files."""

    Options = OnnxOptions
    title: ClassVar[str] = "ONNX Runtime"
    suffix: ClassVar[str] = ".onnx"

    def convert(self, piece: Any, path: Path, quantize: str) -> None:
        """From the traced function; in 8 bits by ONNX Runtime's dynamic quantization, a scale for
        each column of a matrix."""
        onnxruntime()
        import onnx
        import tensorflow as tf
        import tf2onnx

        module, call = piece.traced(batch=None)
        try:
            with standard_error_aside():
                logging.getLogger("tf2onnx").setLevel(logging.ERROR)
                model, _ = tf2onnx.convert.from_function(
                    call, input_signature=call.input_signature, opset=OPSET
                )
        except (RuntimeError, ValueError, tf.errors.OpError) as error:
            line = str(error).strip().split("\n")[0][:200]
            raise UserError(
                f"tf2onnx cannot write {piece.name} ({line}). Export it in another format, like "
                "{of: STAGE, format: saved_model}"
            ) from error
        del module
        if quantize == "int8":
            from onnxruntime.quantization import QuantType, quantize_dynamic

            logging.getLogger().setLevel(max(logging.getLogger().level, logging.ERROR))
            quantize_dynamic(model, path, per_channel=True, weight_type=QuantType.QInt8)
            model = onnx.load(path)
        path.write_bytes(model.SerializeToString(deterministic=True))

    def runner(self, path: Path) -> Run:
        runtime = onnxruntime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads()
        # Threads that wait by counting take the cores from those that they wait for.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        gives = [one.name for one in session.get_outputs()]
        return Run(
            [one.name for one in session.get_inputs()],
            lambda given: dict(zip(gives, session.run(gives, dict(given)), strict=True)),
        )

    def versions(self) -> dict[str, str]:
        import onnx
        import tf2onnx

        return {
            "onnxruntime": onnxruntime().__version__,
            "onnx": onnx.__version__,
            "tf2onnx": tf2onnx.__version__,
        }

    def one_by_one(self, quantize: str) -> bool:
        """In 8 bits: a matrix of activations has one scale for all of its rows."""
        return quantize == "int8"


def onnxruntime() -> Any:
    """The package.

    Raises:
        UserError: It is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise missing("onnxruntime", "onnx", error) from error
    return onnxruntime
