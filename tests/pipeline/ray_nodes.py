"""Clusters of Ray with several nodes, all on this machine; and what runs on them."""

import contextlib
import os
from pathlib import Path

_NODE = {"object_store_memory": 100 * 2**20, "include_dashboard": False}
_HEAD = {"num_cpus": 0, "include_log_monitor": False, "no_monitor": True, **_NODE}
# A busy machine may take longer than Ray waits for a node.
_TRIES = 5


class Nodes:
    """A cluster whose head has no processors.

    Args:
        number: How many other nodes, each with one processor.

    Attributes:
        address: What RAY_ADDRESS is for a program of it.
    """

    def __init__(self, number):
        from ray.cluster_utils import Cluster

        self._cluster = Cluster()
        self._started(_HEAD)
        self.address = self._cluster.address
        self._nodes = [self._added() for _ in range(number)]

    def _added(self):
        return self._started({"num_cpus": 1, **_NODE})

    def _started(self, settings):
        for left in reversed(range(_TRIES)):
            try:
                return self._cluster.add_node(**settings)
            except Exception as error:
                if "timed out" not in str(error) or not left:
                    raise
        raise AssertionError

    def replace(self, index):
        """Kills a node with all that runs on it; another comes."""
        self._cluster.remove_node(self._nodes[index], allow_graceful=False)
        self._nodes[index] = self._added()

    def __len__(self):
        return len(self._nodes)

    def close(self):
        self._cluster.shutdown()


@contextlib.contextmanager
def ray_nodes(number, patch):
    """Nodes that `--cluster auto` finds."""
    patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    patch.delenv("RAY_ADDRESS", raising=False)
    nodes = Nodes(number)
    patch.setenv("RAY_ADDRESS", nodes.address)
    try:
        yield nodes
    finally:
        patch.delenv("RAY_ADDRESS")
        nodes.close()


def actors_of(name, pid=None):
    """The processes of actors of a class that descend from a process, this one by default."""
    parents, found = {}, []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            words = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        parents[int(folder.name)] = int(fields[1])
        if words.startswith(f"ray::{name}".encode()) and fields[0] != "Z":
            found.append(int(folder.name))
    return sorted(one for one in found if (pid or os.getpid()) in _above(one, parents))


def _above(pid, parents):
    while pid in parents:
        pid = parents[pid]
        yield pid
