"""The cluster that a run is asked to use, as the command line names it."""

import re
from typing import NamedTuple

from tfkd.spec.errors import UserError

LOCAL, AUTO, SLURM = "local", "auto", "slurm"
EXPECTED = "local, auto, slurm, or ray://HOST:PORT"
_ADDRESS = re.compile(r"ray://(\[[0-9a-fA-F:]+\]|[\w.-]+):(\d{1,5})")


class AskedCluster(NamedTuple):
    """A cluster, and how much of it is used.

    Attributes:
        address: Of Ray `local`, this machine; `auto`, the cluster that this machine is a node of;
            or `ray://HOST:PORT`, one that it is none of. `slurm`: the hosts of this step.
        workers: How many processes of Ray make shards; None: as many as there is room for.
    """

    address: str
    workers: int | None = None


def asked_cluster(address: str | None, workers: int | None = None) -> AskedCluster | None:
    """What `--cluster` and `--workers` ask for; None: nothing.

    Raises:
        UserError: It is no such address, or no positive number, or one of no cluster.
    """
    if address is None:
        if workers is not None:
            raise UserError(f"--workers: of which cluster? Name it: --cluster {LOCAL}")
        return None
    found = _ADDRESS.fullmatch(address)
    if address not in (LOCAL, AUTO, SLURM) and not (found and 0 < int(found[2]) < 1 << 16):
        raise UserError(f"--cluster: {address!r} names no cluster. Expected {EXPECTED}")
    if address == SLURM and workers is not None:
        raise UserError("--workers: a step of SLURM has as many hosts as srun starts tasks")
    if workers is not None and workers < 1:
        raise UserError(f"--workers: {workers}. Expected 1 or more")
    return AskedCluster(address, workers)
