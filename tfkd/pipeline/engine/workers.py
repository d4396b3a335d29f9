"""A run on several hosts: joined at its start, of one mind at each stage, ended together.

All hosts run the same command, with TF_CONFIG as TensorFlow knows it and one folder of runs that
they share. Host 0, the chief, makes every stage and alone writes; the others, its workers, join it
where a stage trains, and wait otherwise.
"""

import contextlib
import hashlib
import os
import secrets
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfkd.data.files import write_atomically
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node, canonical
from tfkd.pipeline.engine.seen_late import await_whole
from tfkd.pipeline.engine.stage_folder import versions
from tfkd.spec import Spec
from tfkd.spec.errors import UserError
from tfkd.training.awaited import awaited
from tfkd.training.hosts import (
    TRAIN,
    VARIABLE,
    Cluster,
    ClusterHosts,
    Hosts,
    answers_at,
    cluster_from,
)
from tfkd.training.interruption import Interrupted
from tfkd.training.strategies import build_strategy

_MARK = ".hosts"
# What TensorFlow's errors say where another host was lost.
_SIGNS = ("aborted by", "unhealthy", "heartbeat")
# A host is given up when it has not answered so often, so many seconds apart.
_TRIES, _EVERY = 3, 4.0


@contextlib.contextmanager
def joined(spec: Spec, context: Context) -> Iterator[None]:
    """Joins the hosts that TF_CONFIG names, if any; inside, `context.hosts` are they.

    Raises:
        UserError: TF_CONFIG, or what `runtime` says of it, is wrong.
        Interrupted: Another host ended, or can no longer be reached.
    """
    cluster = cluster_from(os.environ)
    number = 1 if cluster is None else len(cluster.addresses)
    if spec.runtime.hosts not in ("auto", number):
        raise UserError(
            f"runtime.hosts: the spec wants {spec.runtime.hosts}, and {VARIABLE} names "
            f"{number if cluster else 'none but this one'}. Set {VARIABLE} on every host, or write "
            "`hosts: auto`"
        )
    if cluster is None:
        yield
        return
    name = f"host {cluster.index} of {number}"
    if cluster.index:
        speak = context.say
        context.say = lambda line: speak(f"{name}: {line}")
    context.say(f"{'' if cluster.index else name + ': '}joins {', '.join(cluster.addresses)}")
    context.hosts = ClusterHosts(_strategy(spec, cluster), cluster)
    with _ended_with_others(), _watched(cluster, context):
        yield


def _strategy(spec: Spec, cluster: Cluster) -> Any:
    import tensorflow as tf

    from tfkd.training.cores import share_cores

    if spec.runtime.may_share_cores:
        share_cores()
    try:
        return strategy_of(spec.runtime.devices, len(cluster.addresses))
    except tf.errors.OpError as error:
        raise UserError(
            f"the hosts of {VARIABLE} could not be joined ({_first_line(error)}). This one is "
            f"{cluster.addresses[cluster.index]}: its port must be free, and the others must reach "
            "it"
        ) from error


def strategy_of(devices: str | int, hosts: int = 1) -> Any:
    """`build_strategy` for `runtime.devices`.

    Raises:
        UserError: There are not so many devices.
    """
    try:
        return build_strategy(devices, hosts)
    except ValueError as error:
        asked = f"{devices} are asked for{' on each host' if hosts > 1 else ''}"
        raise UserError(
            f"runtime.devices: {asked}, and there are fewer here ({error}). Write `auto`, or at "
            "most as many as there are"
        ) from error


@contextlib.contextmanager
def _ended_with_others() -> Iterator[None]:
    import tensorflow as tf

    try:
        yield
    except tf.errors.OpError as error:
        lost = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError)
        if not isinstance(error, (*lost, tf.errors.DeadlineExceededError)) and not any(
            sign in str(error) for sign in _SIGNS
        ):
            raise
        raise Interrupted(
            "another host has ended, or cannot be reached any more; it says why. Start the same "
            f"command on all hosts again ({_first_line(error)})"
        ) from error


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if any(sign in line for sign in _SIGNS)]
    return (told or lines or [type(error).__name__])[0].strip()[:200]


@contextlib.contextmanager
def _watched(cluster: Cluster, context: Context) -> Iterator[None]:
    """Ends the run as SIGTERM would when another host no longer answers at its address.

    An exchange under way notices a lost host by itself; this is for a host that computes alone.
    """
    stop = threading.Event()

    def watch() -> None:
        silent = dict.fromkeys(set(range(len(cluster.addresses))) - {cluster.index}, 0)
        while not stop.wait(_EVERY):
            for index in silent:
                silent[index] = 0 if answers_at(cluster.addresses[index]) else silent[index] + 1
                if silent[index] >= _TRIES:
                    context.say(f"host {index} ({cluster.addresses[index]}) no longer answers")
                    os.kill(os.getpid(), signal.SIGTERM)
                    return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()


def check_same(spec: Spec, nodes: list[Node], context: Context, wish: dict[str, Any]) -> None:
    """Refuses hosts that would do different things, and a folder of runs that they do not share.

    Args:
        spec: The resolved spec.
        nodes: What is to be made.
        context: With the hosts.
        wish: What else was asked for.
    """
    hosts = context.hosts
    if hosts.number == 1:
        return
    parts = {
        "spec or options": [spec.resolved(), wish],
        "data": sorted(node.fingerprint for node in nodes if node.kind == "corpus"),
        "versions of Python or packages": versions(),
    }
    table = hosts.gather([_number(part) for part in parts.values()])
    different = [
        f"host {index} has other {name}"
        for index, row in enumerate(table)
        for name, one, other in zip(parts, row, table[0], strict=True)
        if one != other
    ]
    if different:
        raise UserError(
            f"{'; '.join(different)} than host 0. Give all hosts the same command, the same files "
            "and the same installation"
        )
    _check_shared(context.stages, hosts)


def _number(value: Any) -> int:
    digest = hashlib.sha256(canonical(value).encode("utf-8")).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _check_shared(folder: Path, hosts: Hosts) -> None:
    path = folder / f"{_MARK}-{hosts.agree(secrets.randbits(60))}"
    if hosts.chief:
        write_atomically(path, "")
    hosts.agree()
    if not hosts.chief:
        awaited(path.read_bytes, folder)
    hosts.agree()
    if hosts.chief:
        path.unlink(missing_ok=True)


def work(node: Node, context: Context) -> None:
    """What a worker does at a stage, until the chief goes to the next."""
    folder = context.folder(node)
    while chiefs_word(context) == TRAIN:
        node.stage.run(node, folder, context)
    await_whole(folder)


def chiefs_word(context: Context) -> int:
    """What the chief says, in a thread of its own: a signal must not wait for it."""
    answer: list[Any] = []

    def listen() -> None:
        try:
            answer.append(context.hosts.agree())
        except Exception as error:
            answer.append(error)

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.5)
        context.deadline.check()
    if isinstance(answer[0], Exception):
        raise answer[0]
    return answer[0]
