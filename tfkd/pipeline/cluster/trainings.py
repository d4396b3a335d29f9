"""Trainings side by side: each made whole by a process of the cluster, several at a time."""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.outdated import contents_of
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.scoring.failed_checks import stops
from tfkd.training.deadline import Deadline
from tfkd.training.interruption import Interrupted

_LOOK_EVERY = 0.5
# Seconds that those which are stopped may take to save their work.
_SAVING = 90.0


def trains_alone(node: Node, context: Context) -> bool:
    """Whether a stage is a training that is still to be made, and by one process on one device: its
    spec names no several hosts or devices, it joins no trials or folds, and it waits for no check
    of its teacher."""
    runtime = node.spec.runtime
    if not node.stage.on_all_hosts or any(map(node.inputs_of, (Role.FOLD, Role.TRIAL))):
        return False
    if runtime.hosts not in ("auto", 1) or runtime.devices not in ("auto", 1):
        return False
    folder = context.folder(node)
    return not stops(node) and not (folder.done and not folder.outdated(contents_of(node, context)))


class Trainer(Protocol):
    """Makes one training whole; when its context's deadline is stopped it saves and ends."""

    def __call__(self, node: Node, title: str, context: Context) -> None: ...


class Trainings:
    """Makes trainings of a run that do not wait for each other at the same time.

    Args:
        train: Makes one.
        size: How many at a time.
        context: The run's surroundings.
    """

    def __init__(self, train: Trainer, size: int, context: Context):
        self._train, self.size, self._context = train, size, context
        self._ended: queue.SimpleQueue = queue.SimpleQueue()
        self._running: dict[str, threading.Thread] = {}

    def run(
        self,
        ready: Callable[[], Sequence[Node]],
        title: Callable[[Node], str],
        done: Callable[[Node], None],
    ) -> None:
        """Returns when none is ready any more and none at work.

        When one fails, or the run is stopped, the others save their work and end, and the first
        error is raised.

        Args:
            ready: The trainings that may begin, in their order; asked again after each that ends.
            title: What the lines of one begin with.
            done: Called with each that is whole.

        Raises:
            UserError: The input of one is wrong.
            Interrupted: The run was stopped, or the cluster is gone.
            RuntimeError: One failed by an error of the program itself.
        """
        deadline = Deadline(self._context.deadline.seconds and self._context.deadline.remaining)
        try:
            with self._context.deadline.holding():  # the hosts keep it, and save in time
                while True:
                    self._begin(ready(), title, deadline)
                    if not self._running:
                        return
                    node, error = self._next()
                    self._running.pop(node.key).join()
                    if error is not None:
                        raise error
                    done(node)
        except BaseException as error:
            self._stop(deadline, error)
            raise

    def _begin(self, ready: Sequence[Node], title: Callable, deadline: Deadline) -> None:
        others = [node for node in ready if node.key not in self._running]
        begin = others[: self.size - len(self._running)]
        if begin:
            labels = ", ".join(node.label for node in begin)
            number = len(self._running) + len(begin)
            self._context.say(f"side by side, {number} of at most {self.size}: {labels}")
        for node in begin:
            given = (node, title(node), deadline)
            self._running[node.key] = threading.Thread(target=self._make, args=given, daemon=True)
            self._running[node.key].start()

    def _make(self, node: Node, title: str, deadline: Deadline) -> None:
        def say(line: str) -> None:
            told = line.startswith((title, f"{node.label}:"))
            self._context.say(line if told else f"{node.label}: {line}")

        own = replace(self._context, deadline=deadline, say=say, cluster=None)
        try:
            self._train(node, title, own)
        except BaseException as error:  # raised again where all are waited for
            self._ended.put((node, error))
        else:
            self._ended.put((node, None))

    def _next(self) -> tuple[Node, BaseException | None]:
        while True:
            if self._context.deadline.stopped:
                raise Interrupted(self._context.deadline.stopped)
            with contextlib.suppress(queue.Empty):
                return self._ended.get(timeout=_LOOK_EVERY)

    def _stop(self, deadline: Deadline, error: BaseException) -> None:
        if not self._running:
            return
        reason = str(error) if isinstance(error, Interrupted) else "another training has failed"
        deadline.stop(reason)
        end = time.monotonic() + _SAVING
        for work in self._running.values():
            work.join(max(end - time.monotonic(), 0.0))
