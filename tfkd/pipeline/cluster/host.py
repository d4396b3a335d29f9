"""One of several hosts that train a stage together, in a process of its own."""

import contextlib
import io
import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

from tfkd.pipeline.cluster.job import Job, found_node
from tfkd.pipeline.cluster.setup import begun
from tfkd.pipeline.cluster.worker import answered, hello_of
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.permissions import permitted
from tfkd.spec.errors import UserError
from tfkd.training.hosts import NEXT, VARIABLE
from tfkd.training.interruption import Interrupted

_ASK_EVERY = 1.0


class TrainingHost:
    """Trains one stage together with others, as a host that TF_CONFIG names; what comes in and goes
    out is text.

    Args:
        setup: As of `ShardWorker`.
        say: Called with each line for the user; those of hosts that are not the first have their
            numbers before them.
        stopped: Asked now and then whether the training is to save and stop.
    """

    def __init__(self, setup: str, say: Callable[[str], None], stopped: Callable[[], bool]):
        given = json.loads(setup)
        begun(given)
        self._job, self._say, self._stopped = Job.from_text(given["job"]), say, stopped
        self._socket: socket.socket | None = None

    def hello(self, mark: str) -> str:
        """As of `ShardWorker`; with `port`, one that is free here and kept so."""
        self._socket = socket.socket()
        self._socket.bind(("", 0))
        port = self._socket.getsockname()[1]
        return answered(lambda: {**hello_of(mark, self._job.plugins), "port": port})

    def train(self, key: str, addresses: str, index: int, title: str, seconds: float | None) -> str:
        """Trains a stage; returns when it is whole.

        Args:
            key: The stage's.
            addresses: `HOST:PORT` of all hosts, in JSON; one trains alone.
            index: Which of them this is; host 0 alone writes.
            title: What its lines begin with, before its kind and label.
            seconds: In which it is to save and stop; None: it has time.
        """
        hosts = json.loads(addresses)
        os.environ.pop(VARIABLE, None)  # as the machine has it for others
        if len(hosts) > 1:
            config = {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": index}}
            os.environ[VARIABLE] = json.dumps(config)
        return answered(lambda: self._trained(key, title, seconds))

    def _trained(self, key: str, title: str, seconds: float | None) -> dict[str, Any]:
        from tfkd.pipeline.engine.run import execute
        from tfkd.pipeline.engine.workers import work
        from tfkd.training.deadline import Deadline, stopping

        node = found_node(self._job.nodes(), key)
        context = self._job.context(say=self._say)
        context.deadline = Deadline(seconds)
        if self._socket is not None:
            self._socket.close()  # TensorFlow listens there now
        printed = contextlib.redirect_stdout(_Lines(self._say))  # of a training, its steps
        ended = asked(self._stopped)
        in_words = permitted(context.runs_dir)
        with printed, in_words, stopping(context.deadline), ended, _together(node, context):
            if context.hosts.chief:
                execute(node, context, title)
                context.hosts.agree(NEXT)
            else:
                work(node, context)
            # Here until all are: a host that ends is taken for one that died.
            context.hosts.agree(NEXT)
        return {}


@contextlib.contextmanager
def _together(node: Node, context: Context) -> Iterator[None]:
    """As `joined`; hosts that do not find each other begin anew, at other ports."""
    from tfkd.pipeline.engine.workers import joined

    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(joined(node.spec, context))
        except UserError as error:
            if type(error.__cause__).__module__.startswith("tensorflow"):
                raise Interrupted(str(error)) from error
            raise
        yield


@contextlib.contextmanager
def asked(stopped: Callable[[], bool]) -> Iterator[None]:
    """Inside, this process gets SIGTERM once it is to stop."""
    end = threading.Event()

    def watch() -> None:
        while not end.wait(_ASK_EVERY):
            if stopped() and not end.is_set():
                os.kill(os.getpid(), signal.SIGTERM)
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        end.set()


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
    """What hosts say, until somebody asks for it; and whether they are to stop."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._stopped = False

    def say(self, line: str) -> None:
        """Keeps a line."""
        self._lines.append(line)

    def taken(self) -> str:
        """The lines since the last call, in JSON."""
        lines, self._lines = self._lines, []
        return json.dumps(lines)

    def stop(self) -> None:
        """Tells the hosts to save and stop."""
        self._stopped = True

    def stopped(self) -> bool:
        """Whether they are to."""
        return self._stopped
