"""The hosts of a SLURM step, as TF_CONFIG names them: one task a host, of the same command."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping

from tfkd.pipeline.cluster.asked import SLURM, AskedCluster
from tfkd.spec.errors import UserError
from tfkd.training.hosts import VARIABLE

_STEP = ("SLURM_PROCID", "SLURM_STEP_NODELIST", "SLURM_STEP_NUM_TASKS", "SLURM_STEP_TASKS_PER_NODE")
# The first port that tasks listen at: steps of one machine must not meet.
_PORTS, _STEPS = 20_000, 10_000
_MANY = 1_000


def slurm_config(environment: Mapping[str, str]) -> str | None:
    """TF_CONFIG of this task among those of its step; None: it is the only one.

    Args:
        environment: As `srun` sets it.

    Raises:
        UserError: This is no task of a SLURM step, or TF_CONFIG is set as well.
    """
    missing = [name for name in _STEP if not environment.get(name)]
    if missing:
        raise UserError(
            f"--cluster slurm: this is no task of a step of SLURM ({missing[0]} is not set). Start "
            "it by srun, with a task for each host: srun --ntasks-per-node=1 tfkd run SPEC ..."
        )
    if environment.get(VARIABLE, "").strip():
        raise UserError(f"--cluster slurm and {VARIABLE}: both name hosts. Expected one of them")
    if int(environment["SLURM_STEP_NUM_TASKS"]) == 1:
        return None
    import tensorflow as tf

    job = int(environment.get("SLURM_JOB_ID") or environment.get("SLURM_JOBID") or 0)
    # It sees to no GPU: each task has those that SLURM has given it.
    resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
        port_base=_PORTS + job % _STEPS, gpus_per_node=_MANY, gpus_per_task=1, auto_set_gpu=False
    )
    hosts = resolver.cluster_spec().as_dict()["worker"]
    _, index = resolver.get_task_info()
    return json.dumps(
        {"cluster": {"worker": list(hosts)}, "task": {"type": "worker", "index": int(index)}}
    )


@contextlib.contextmanager
def but_slurm(asked: AskedCluster | None) -> Iterator[AskedCluster | None]:
    """Inside, the cluster of Ray that is asked for; None where there is none, and of SLURM, whose
    hosts this process finds there as those of TF_CONFIG, which is as it was behind it."""
    config = None
    if asked is not None and asked.address == SLURM:
        asked, config = None, slurm_config(os.environ)
    before = os.environ.get(VARIABLE)
    if config is not None:
        os.environ[VARIABLE] = config
    try:
        yield asked
    finally:
        if config is not None:
            os.environ.pop(VARIABLE)
            if before is not None:
                os.environ[VARIABLE] = before
