"""What a process elsewhere is told at its start, so that it computes as this one does."""

import os
import sys
from collections.abc import Mapping
from typing import Any

# Has TensorFlow take of a GPU's memory no more than it needs.
GROWTH = "TF_FORCE_GPU_ALLOW_GROWTH"
_LOGS = "TF_CPP_MIN_LOG_LEVEL"
# Variables that change the last bits of what is computed, or more: everywhere they are as here.
COMPUTES = (
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_XLA_FLAGS",
    "XLA_FLAGS",
    "NVIDIA_TF32_OVERRIDE",
    "TF_DETERMINISTIC_OPS",
    "TF_CUDNN_DETERMINISTIC",
    "TF_CUDNN_USE_AUTOTUNE",
    "TF_ENABLE_CUBLAS_TENSOR_OP_MATH_FP32",
    "TF_ENABLE_CUDNN_TENSOR_OP_MATH_FP32",
    "TF_USE_LEGACY_KERAS",
    "CUBLAS_WORKSPACE_CONFIG",
    "ONEDNN_MAX_CPU_ISA",
    "DNNL_MAX_CPU_ISA",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "DNNL_DEFAULT_FPMATH_MODE",
    "KERAS_BACKEND",
)


def setup_of(job: str, threads: int | None, cores: int) -> dict[str, Any]:
    """What a process is told at its start: its job, and what `begun` takes."""
    paths = [
        os.path.abspath(one) for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one
    ]
    return {
        "job": job,
        "threads": threads,
        "engine_threads": None if threads is None else _engine_threads(),
        "cores": cores,
        "environment": {n: os.environ[n] for n in (_LOGS, GROWTH) if n in os.environ},
        "computes": {name: os.environ.get(name) for name in COMPUTES},
        "tensor_float_32": _tensor_float_32(),
        "paths": paths,
    }


def begun(setup: Mapping[str, Any]) -> None:
    """Makes a process what `setup` says, before anything imports TensorFlow.

    Args:
        setup: `environment`, variables that are set where they are not; `computes`, those that
            become what they are there, None: unset; `tensor_float_32`, whether a GPU may round
            products; `paths`, where plugins are looked for, too; `cores`, how many processors are
            this process's; and `threads`, how many of them each operation of TensorFlow has; None:
            as it would here; `engine_threads`, those of engines other than TensorFlow.
    """
    from tfkd.data.side_by_side import use_cores
    from tfkd.quiet import quiet

    sys.path += [path for path in setup["paths"] if path not in sys.path]
    for name, value in setup["environment"].items():
        os.environ.setdefault(name, value)
    for name, value in setup["computes"].items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    if setup["threads"] is not None:
        os.environ["TF_NUM_INTRAOP_THREADS"] = str(setup["threads"])
        os.environ["TF_NUM_INTEROP_THREADS"] = str(setup["cores"])
        # Else Ray has set it to the processors that this process takes.
        os.environ["OMP_NUM_THREADS"] = str(setup["engine_threads"])
    quiet()
    use_cores(setup["cores"], setup["threads"])
    if not setup["tensor_float_32"]:
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(False)


def _engine_threads() -> int:
    from tfkd.serving.formats.run import threads

    return threads()


def _tensor_float_32() -> bool:
    """Whether TensorFlow's products on a GPU may be rounded, as they are by default."""
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None:
        return True
    return bool(tensorflow.config.experimental.tensor_float_32_execution_enabled())
