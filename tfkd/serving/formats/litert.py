"""LiteRT, once TensorFlow Lite: small and quick on phones and on one core, in 8 bits if asked for.

A row is computed alone: with one unknown size, its length, all shapes are known before a graph is
run, which LiteRT's fast kernels ask for.
"""

import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tfkd.quiet import standard_error_aside
from tfkd.serving.formats.graph import GraphFormat
from tfkd.serving.formats.run import Run, missing, refused, threads
from tfkd.spec.formats.litert import LiteRTOptions


class LiteRT(GraphFormat):
    """Folders with `.tflite` files."""

    Options = LiteRTOptions
    title: ClassVar[str] = "LiteRT"
    suffix: ClassVar[str] = ".tflite"

    def convert(self, piece: Any, path: Path, quantize: str) -> None:
        """By way of a SavedModel: the converter finds no weights in functions alone."""
        import tensorflow as tf

        module, call = piece.traced(batch=1)
        saved = path.with_suffix(".saved")
        try:
            tf.saved_model.save(module, str(saved), signatures={"serving_default": call})
            converter = tf.lite.TFLiteConverter.from_saved_model(str(saved))
            if quantize == "int8":
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
            with standard_error_aside():  # it tells of each step
                made = converter.convert()
        except OSError:  # of the disk
            raise
        except Exception as error:  # converters raise whatever they like
            raise refused("LiteRT's converter", piece.name, error) from error
        finally:
            shutil.rmtree(saved, ignore_errors=True)
        path.write_bytes(made)

    def runner(self, path: Path) -> Run:
        interpreter = interpreter_class()(model_path=str(path), num_threads=threads())
        call = interpreter.get_signature_runner("serving_default")
        lock = threading.Lock()  # an interpreter is one thread's at a time

        def run(given: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
            with lock:
                return call(**given)

        # Without those that the converter found no use for.
        return Run(call.get_input_details(), run)

    def versions(self) -> dict[str, str]:
        import tensorflow as tf

        return {"tensorflow": tf.__version__}

    def one_by_one(self, quantize: str) -> bool:
        return True


def interpreter_class() -> Any:
    """LiteRT's `Interpreter`.

    Raises:
        UserError: The package is not installed.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise missing("ai_edge_litert", "litert", error) from error
    return Interpreter
