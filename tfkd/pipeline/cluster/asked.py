"""The cluster that a run is asked to use, as the command line names it."""

import re
from typing import NamedTuple

from tfkd.spec.errors import UserError

LOCAL, AUTO, SLURM = "local", "auto", "slurm"
EXPECTED = "local, auto, slurm, or ray://HOST:PORT"
RETRIES = 3
_ADDRESS = re.compile(r"ray://(\[[0-9a-fA-F:]+\]|[\w.-]+):(\d{1,5})")


class AskedCluster(NamedTuple):
    """A cluster, and how much of it is used.

    Attributes:
        address: Of Ray `local`, this machine; `auto`, the cluster that this machine is a node of;
            or `ray://HOST:PORT`, one that it is none of. `slurm`: the hosts of this step.
        workers: How many processes of Ray make shards; None: as many as there is room for.
        cpus_per_worker: Processors that each of them takes; None: as many as an operation of
            TensorFlow has threads, or as there are on a machine.
        retries: How often a shard is given to another worker when its own is lost, and a training
            begins anew without a new checkpoint.
    """

    address: str
    workers: int | None = None
    cpus_per_worker: int | None = None
    retries: int = RETRIES


def names_a_cluster(address: str) -> bool:
    """Whether an address can be one of a cluster."""
    found = _ADDRESS.fullmatch(address)
    return address in (LOCAL, AUTO, SLURM) or bool(found and 0 < int(found[2]) < 1 << 16)


def asked_cluster(
    address: str | None,
    workers: int | None = None,
    cpus_per_worker: int | None = None,
    retries: int | None = None,
) -> AskedCluster | None:
    """What `--cluster` and the options beside it ask for; None: nothing.

    Raises:
        UserError: It is no such address, or no such number, or one of no cluster.
    """
    numbers = {
        "--workers": (workers, 1),
        "--cpus-per-worker": (cpus_per_worker, 1),
        "--retries": (retries, 0),
    }
    given = [name for name, (number, _) in numbers.items() if number is not None]
    if address is None:
        if given:
            raise UserError(f"{given[0]}: of which cluster? Name it: --cluster {LOCAL}")
        return None
    if not names_a_cluster(address):
        raise UserError(f"--cluster: {address!r} names no cluster. Expected {EXPECTED}")
    if address == SLURM and given:
        raise UserError(
            f"{given[0]}: of a cluster of Ray. A step of SLURM has as many hosts as srun starts "
            "tasks, and ends with them"
        )
    for name, (number, least) in numbers.items():
        if number is None:
            continue
        if not isinstance(number, int) or isinstance(number, bool) or number < least:
            raise UserError(f"{name}: {number!r}. Expected {least} or more")
    return AskedCluster(address, workers, cpus_per_worker, RETRIES if retries is None else retries)
