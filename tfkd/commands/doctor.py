"""Is this machine fit, and are those of a cluster? Versions, devices, threads, disk and data."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from tfkd.pipeline.cluster.asked import SLURM, AskedCluster
from tfkd.pipeline.engine.stage_folder import versions
from tfkd.spec.errors import UserError
from tfkd.training.cores import gpus
from tfkd.training.interruption import Interrupted

_LEAST_FREE = 2 * 2**30


def doctor(
    data_dir: Path,
    runs_dir: Path,
    cluster: AskedCluster | None = None,
    plugins: Sequence[str] = (),
) -> tuple[str, bool]:
    """Looks at the machine, and at all those of a cluster of Ray.

    Args:
        data_dir: The data folder.
        runs_dir: The folder of runs.
        cluster: The cluster; None: this machine alone.
        plugins: Modules that all machines are to have alike.

    Returns:
        Lines for people, each starting with `ok`, `note` or `wrong`, and whether none is wrong.
    """
    lines = [("ok", f"{name} {version}") for name, version in versions().items()]
    lines += [_tensorflow(), *_tokenizer(), _one_dnn()]
    lines.append(("ok", f"{len(os.sched_getaffinity(0))} processor cores may be used"))
    lines.append(_disk(runs_dir))
    lines.append(_data(data_dir))
    if cluster is not None:
        lines += _machines(cluster, data_dir, runs_dir, plugins)
    text = "\n".join(f"{state:5} {line}" for state, line in lines)
    return text, all(state != "wrong" for state, _ in lines)


def _machines(
    cluster: AskedCluster, data_dir: Path, runs_dir: Path, plugins: Sequence[str]
) -> list[tuple[str, str]]:
    if cluster.address == SLURM:
        return [("note", "hosts of SLURM: start `srun --ntasks-per-node=1 tfkd doctor` on them")]
    from tfkd.pipeline.cluster.machines import looked_at

    try:
        return looked_at(cluster, data_dir, runs_dir, plugins)
    except (UserError, Interrupted) as error:  # what is known of this machine is told all the same
        return [("wrong", str(error))]


def _data(data_dir: Path) -> tuple[str, str]:
    try:
        return "ok", f"data folder {data_dir}: {len(os.listdir(data_dir))} entries"
    except FileNotFoundError:
        return "wrong", f"data folder {data_dir} does not exist: name it with --data-dir"
    except OSError as error:
        reason = error.strerror
        return "wrong", f"data folder {data_dir} cannot be read ({reason}): name it with --data-dir"


def _tensorflow() -> tuple[str, str]:
    import tensorflow as tf

    devices = gpus()
    product = tf.linalg.matmul(tf.eye(4), tf.eye(4))
    if float(tf.reduce_sum(product)) != 4.0:
        return "wrong", "TensorFlow computes a wrong matrix product"
    if devices:
        return "ok", f"{len(devices)} GPU: {', '.join(devices)}"
    return "note", "no GPU: training runs on the CPU (tfkd's extra `gpu` installs CUDA's libraries)"


def _tokenizer() -> list[tuple[str, str]]:
    try:
        import tensorflow_text
    except (ImportError, OSError) as error:
        return [("wrong", f"tensorflow-text does not load: {error}")]
    return [("ok", f"tensorflow-text {tensorflow_text.__version__} loads")]


def _one_dnn() -> tuple[str, str]:
    if os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "0":
        return "note", "TF_ENABLE_ONEDNN_OPTS=0: bfloat16 on the CPU needs oneDNN; unset it"
    return "ok", "oneDNN is on"


def _disk(runs_dir: Path) -> tuple[str, str]:
    folder = runs_dir
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if not os.access(folder, os.W_OK):
        return "wrong", f"{folder} cannot be written: name another folder with --runs-dir"
    state = "ok" if free > _LEAST_FREE else "wrong"
    return state, f"{free / 2**30:.1f} GiB free for {runs_dir}"
