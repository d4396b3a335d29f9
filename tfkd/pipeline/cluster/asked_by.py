"""The cluster that a command is to use: what its options say, or else the user's settings."""

import os
import sys
from typing import Any

from tfkd.pipeline.cluster.asked import AskedCluster, asked_cluster
from tfkd.pipeline.cluster.user_settings import settings_path, user_settings
from tfkd.training.hosts import cluster_from

# `--cluster none`: here, whatever the settings say.
NONE = "none"
_NUMBERS = ("workers", "cpus_per_worker", "retries")


def _asked_by(options: Any) -> tuple[AskedCluster | None, str]:
    """What the options of a command line ask for.

    Settings count where no cluster is named, and no hosts of one are told by TF_CONFIG; numbers of
    the command line go before theirs.

    Args:
        options: Those of the command: `cluster`, `workers`, ...

    Returns:
        The cluster, or None; and what is to be said of it, where it is the settings'.

    Raises:
        UserError: It is no such cluster, or the settings have faults.
    """
    given = {name: getattr(options, name, None) for name in _NUMBERS}
    address = options.cluster
    if address == NONE:
        return asked_cluster(None, **given), ""
    if address is None and cluster_from(os.environ) is None:
        path = settings_path()
        found = user_settings(path).cluster
        if found is not None:
            numbers = {
                name: getattr(found, name) if number is None else number
                for name, number in given.items()
            }
            said = f"cluster {found.address}, as {path} says (--cluster none: without)"
            return asked_cluster(found.address, **numbers), said
    return asked_cluster(address, **given), ""


def cluster_of(options: Any) -> AskedCluster | None:
    """The cluster that the options of a command line ask for; says so where it is the settings'.

    Raises:
        UserError: It is no such cluster, or the settings have faults.
    """
    cluster, said = _asked_by(options)
    if said:
        print(f"tfkd: {said}", file=sys.stderr)
    return cluster


def workers_of(options: Any) -> tuple[int | None, str]:
    """How many workers a plan is for, and what is said of whose they are. A cluster that the
    command line names is asked where the number is not given; one of the settings is not.

    Raises:
        UserError: As `cluster_of`, or the cluster has no room for one.
    """
    if options.cluster is None and options.workers is not None:
        return options.workers, ""
    cluster, said = _asked_by(options)
    if cluster is None or (said and cluster.workers is None):
        return None, ""
    of = f" of the cluster {cluster.address}"
    if cluster.workers is not None:
        return cluster.workers, of
    from tfkd.pipeline.cluster.machines import room_for

    return room_for(cluster, options.runs_dir), of
