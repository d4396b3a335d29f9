"""How a training shares a CPU's cores.

An operation that all cores work on together makes them wait for each other hundreds of times a
step. Parts of the batch that each have a core of their own wait once: at the sum of their
gradients. Two cores so make a third more steps (tools/bench_training).
"""

import sys
from pathlib import Path
from typing import Any

from tfkd.data.side_by_side import cores

# More parts than this have too few rows each.
MOST_STREAMS = 4
# Floating-point operations of a step, and of a training, from which streams are worth their second
# graph (ten milliseconds a step, ten seconds in all), and compiled chains their compilation: some
# 0.1 s for each chain and shape.
_STREAMS_FROM, _FUSE_FROM = (1e9, 1e12), (2e10, 2e13)
_CPU = Path("/proc/cpuinfo")
# Where Linux has the devices of drivers of GPUs: Nvidia's, a Jetson's, those within WSL, AMD's.
_DEVICES, _DRIVERS = Path("/dev"), ("nvidia*", "nvhost*", "nvmap", "dxg", "kfd")


def streams_here() -> int:
    """Parts that this machine's cores take side by side; 1 where there is a GPU."""
    return 1 if _gpu() else min(cores(), MOST_STREAMS)


def share_cores() -> None:
    """Gives each operation of TensorFlow the threads of one stream, for the whole process.

    To be called before TensorFlow has done anything; once it has, or where somebody has set its
    threads, they stay what they are.
    """
    import tensorflow as tf

    if streams_here() > 1 and not tf.config.threading.get_intra_op_parallelism_threads():
        try:
            tf.config.threading.set_intra_op_parallelism_threads(max(1, cores() // streams_here()))
        except RuntimeError:
            return


def widens_bfloat16() -> bool:
    """Whether this CPU has no products of bfloat16: TensorFlow makes them of copies in float32.

    So on x86 without AVX-512, as Linux tells; False where that is not known.
    """
    try:
        told = _CPU.read_text("utf-8").splitlines()
    except OSError:
        return False
    flags = next((line.split() for line in told if line.startswith("flags")), None)
    return flags is not None and "avx512f" not in flags and not _gpu()


def on_cpu(parameters: int, tokens: int, steps: int) -> dict[str, Any]:
    """`streams` and `fuse` of `tfkd.training.train` for a training of this size.

    Args:
        parameters: Of the model.
        tokens: A step's.
        steps: Of the training.
    """
    # Two operations for each parameter and token forward, and twice that backward.
    step = 6.0 * parameters * tokens

    def worth(least: tuple[float, float]) -> bool:
        return step >= least[0] and step * steps >= least[1] and not _gpu()

    return {"streams": streams_here() if worth(_STREAMS_FROM) else 1, "fuse": worth(_FUSE_FROM)}


def gpus() -> list[str]:
    """The names of this machine's GPUs that TensorFlow can use."""
    if not _gpu():
        return []
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(one) for one in found]
    return [one.get("device_name", "GPU") for one in details]


def _gpu() -> bool:
    # A plan needs no TensorFlow but for this, whose import takes longer than the plan.
    if "tensorflow" not in sys.modules and sys.platform == "linux":
        if not any(any(_DEVICES.glob(name)) for name in _DRIVERS):
            return False
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))
