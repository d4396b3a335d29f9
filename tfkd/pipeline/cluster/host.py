"""One of several hosts that train a stage together, in a process of its own."""

import contextlib
import io
import json
import os
import socket
from collections.abc import Callable
from typing import Any

from tfkd.pipeline.cluster.job import Job, found_node
from tfkd.pipeline.cluster.worker import answered, begun, hello_of
from tfkd.training.hosts import NEXT, VARIABLE


class TrainingHost:
    """Trains one stage together with others, as a host that TF_CONFIG names; what comes in and goes
    out is text.

    Args:
        setup: As of `ShardWorker`.
        say: Called with each line for the user; those of hosts that are not the first have their
            numbers before them.
    """

    def __init__(self, setup: str, say: Callable[[str], None]):
        given = json.loads(setup)
        begun(given)
        self._job, self._say = Job.from_text(given["job"]), say
        self._socket: socket.socket | None = None

    def hello(self, mark: str) -> str:
        """As of `ShardWorker`; with `port`, one that is free here and kept so."""
        self._socket = socket.socket()
        self._socket.bind(("", 0))
        port = self._socket.getsockname()[1]
        return answered(lambda: {**hello_of(mark), "port": port})

    def train(self, key: str, addresses: str, index: int, title: str) -> str:
        """Trains a stage; returns when it is whole.

        Args:
            key: The stage's.
            addresses: `HOST:PORT` of all hosts, in JSON.
            index: Which of them this is; host 0 alone writes.
            title: What its lines begin with, before its kind and label.
        """
        hosts = json.loads(addresses)
        config = {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": index}}
        os.environ[VARIABLE] = json.dumps(config)
        return answered(lambda: self._trained(key, title))

    def _trained(self, key: str, title: str) -> dict[str, Any]:
        from tfkd.pipeline.engine.run import execute
        from tfkd.pipeline.engine.workers import joined, work
        from tfkd.training.deadline import stopping

        node = found_node(self._job.nodes(), key)
        context = self._job.context(say=self._say)
        if self._socket is not None:
            self._socket.close()  # TensorFlow listens there now
        printed = contextlib.redirect_stdout(_Lines(self._say))  # of a training, its steps
        with printed, stopping(context.deadline), joined(node.spec, context):
            if context.hosts.chief:
                execute(node, context, title)
                context.hosts.agree(NEXT)
            else:
                work(node, context)
            # Here until all are: a host that ends is taken for one that died.
            context.hosts.agree(NEXT)
        return {}


class _Lines(io.TextIOBase):
    """A stream that says each whole line that is written to it."""

    def __init__(self, say: Callable[[str], None]):
        self._say, self._rest = say, ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._say(line)
        return len(text)


class Lines:
    """What hosts say, until somebody asks for it."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def say(self, line: str) -> None:
        """Keeps a line."""
        self._lines.append(line)

    def taken(self) -> str:
        """The lines since the last call, in JSON."""
        lines, self._lines = self._lines, []
        return json.dumps(lines)
