"""The hosts that train together: who they are, and how they come to one mind."""

import socket
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from tfkd.data.strict_json import parse_json
from tfkd.spec.errors import UserError

VARIABLE = "TF_CONFIG"
# What the chief tells the others at a stage: it is done, or they are to train.
NEXT, TRAIN = 0, 1
_PATIENCE = 4.0
_FORM = '{"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": "worker", "index": 0}}'


class Cluster(NamedTuple):
    """The hosts, and which of them this process is.

    Attributes:
        index: Its number, from 0; host 0 is the chief.
        addresses: `HOST:PORT` of all hosts by number.
    """

    index: int
    addresses: tuple[str, ...]


def cluster_from(environment: Mapping[str, str]) -> Cluster | None:
    """Reads TF_CONFIG; None where it is not set or names one host only.

    Raises:
        UserError: It is not of the form that TensorFlow knows, or names tasks other than a chief
            and workers.
    """
    text = environment.get(VARIABLE, "")
    if not text.strip():
        return None
    try:
        content = parse_json(text)
        cluster, task = content["cluster"], content["task"]
        kind, index = task["type"], int(task["index"])
        jobs = {name: [str(address) for address in hosts] for name, hosts in cluster.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{VARIABLE} cannot be read ({error!r}). Expected {_FORM}") from error
    if other := sorted(({*jobs, kind}) - {"chief", "worker"}):
        raise UserError(
            f"{VARIABLE} names tasks of type {', '.join(map(repr, other))}. Expected workers, and "
            f"perhaps a chief, all of which train: {_FORM}"
        )
    if len(jobs.get("chief", ())) > 1:
        raise UserError(f"{VARIABLE} names {len(jobs['chief'])} chiefs. Expected one at most")
    addresses = (*jobs.get("chief", ()), *jobs.get("worker", ()))
    number = index + (len(jobs.get("chief", ())) if kind == "worker" else 0)
    if not 0 <= index < len(jobs.get(kind, ())):
        raise UserError(
            f"{VARIABLE}: this task is {kind} {index}, and the cluster has "
            f"{len(jobs.get(kind, ()))} of that type, counted from 0"
        )
    if len(set(addresses)) < len(addresses):
        raise UserError(f"{VARIABLE} names an address twice: {', '.join(addresses)}")
    return Cluster(number, addresses) if len(addresses) > 1 else None


def answers_at(address: str) -> bool:
    """Whether somebody listens at `HOST:PORT`, and says so in some seconds."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
    except (OSError, ValueError):
        return False
    return True


class Hosts:
    """One host that trains alone; `ClusterHosts` is one of several.

    Attributes:
        number: How many hosts there are.
        index: Which of them this is. Host 0, the chief, alone writes files.
        strategy: What they train by, one for the whole program; None where a host is alone.
    """

    number = 1
    index = 0
    strategy: Any = None

    @property
    def chief(self) -> bool:
        """Whether this host writes."""
        return self.index == 0

    def gather(self, values: Any) -> np.ndarray:
        """Every host's values, once all hosts have called this: int64 `[hosts, values]`."""
        return np.asarray(values, np.int64)[None]

    def agree(self, value: int = 0) -> int:
        """The chief's value, once all hosts have called this."""
        return int(self.gather([value])[0, 0])


class ClusterHosts(Hosts):
    """One of several hosts.

    Args:
        strategy: A `MultiWorkerMirroredStrategy`.
        cluster: The hosts, and which of them this one is.
    """

    def __init__(self, strategy: Any, cluster: Cluster):
        import tensorflow as tf

        self.number, self.index = len(cluster.addresses), cluster.index
        self.strategy = strategy
        replicas = strategy.num_replicas_in_sync // self.number

        def exchange(table: tf.Tensor) -> tf.Tensor:
            context = tf.distribute.get_replica_context()
            # Each replica of a host has the host's table; one of them speaks.
            first = tf.equal(context.replica_id_in_sync_group % replicas, 0)
            return context.all_reduce(
                tf.distribute.ReduceOp.SUM, tf.where(first, table, tf.zeros_like(table))
            )

        @tf.function(
            input_signature=[tf.TensorSpec([self.number, None], tf.int64)], autograph=False
        )
        def gather(table: tf.Tensor) -> tf.Tensor:
            return strategy.experimental_local_results(strategy.run(exchange, args=(table,)))[0]

        self._gather = gather

    def gather(self, values: Any) -> np.ndarray:
        table = np.zeros([self.number, len(values)], np.int64)
        table[self.index] = values
        return self._gather(table).numpy()
