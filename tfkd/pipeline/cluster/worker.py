"""What makes shards in a process of its own: asked in text, answering in text."""

import json
import os
import socket
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from tfkd.pipeline.cluster.installation import installation
from tfkd.pipeline.cluster.job import Job, found_node
from tfkd.pipeline.cluster.setup import begun
from tfkd.pipeline.cluster.shared_folder import seen, unwritable
from tfkd.pipeline.engine.permissions import permitted

# The kinds of answers.
DONE, WRONG_INPUT, SURROUNDINGS, FAULT = "done", "wrong input", "surroundings", "fault"


def hello_of(mark: str, plugins: Iterable[str] = ()) -> dict[str, Any]:
    """Who this process is, whether it sees a file that was written for it to be seen, and whether
    it can write beside that.

    Raises:
        OSError: The disk is full.
    """
    sees = seen(mark)
    return {
        "process": os.getpid(),
        "installation": installation(plugins),
        "sees": sees,
        "writes": unwritable(Path(mark).parent) if sees else "",
    }


def answered(make: Callable[[], Mapping[str, Any]]) -> str:
    """What is made, or what went wrong, in words, and where: no exception leaves the process."""
    from tfkd.spec.errors import UserError
    from tfkd.training.surroundings import of_surroundings

    try:
        answer: Mapping[str, Any] = {"kind": DONE, **make()}
    except UserError as error:
        answer = {"kind": WRONG_INPUT, "text": str(error)}
    except Exception as error:
        if (reason := of_surroundings(error)) is not None:
            answer = {"kind": SURROUNDINGS, "text": reason}
        else:
            answer = {"kind": FAULT, "text": "".join(traceback.format_exception(error))}
    return json.dumps({**answer, "host": socket.gethostname()})


class ShardWorker:
    """Makes shards of a run's stages, and keeps the model of the last stage for the next shard.

    What comes in and what goes out is text, in JSON; nothing of it is code.

    Args:
        setup: `job`, the text of a `Job`, and what `begun` takes: operations have as many threads
            as in the process that asks, for another number may add up in another order.
    """

    def __init__(self, setup: str):
        given = json.loads(setup)
        begun(given)
        self._job = Job.from_text(given["job"])
        self._stage: tuple[str, Any] | None = None

    def hello(self, mark: str) -> str:
        """Who this is.

        Args:
            mark: The path of a file that it must see.
        """
        return answered(lambda: hello_of(mark, self._job.plugins))

    def alive(self) -> str:
        """Says that it is."""
        return answered(dict)

    def shard(self, key: str, number: int) -> str:
        """Makes one shard of a stage, if it is not there.

        Args:
            key: The stage's.
            number: The shard's.
        """
        return answered(lambda: self._made(key, number))

    def _made(self, key: str, number: int) -> dict[str, Any]:
        if self._stage is None or self._stage[0] != key:
            self._stage = None
            if "keras" in sys.modules:
                from tfkd.pipeline.engine.fresh_start import fresh_start

                fresh_start()  # frees the model of the stage before
            with permitted(Path(self._job.runs_dir)):
                node = found_node(self._nodes, key)
                context = self._job.context()
                self._stage = key, node.stage.shards(node, context.folder(node), context)
        with permitted(Path(self._job.runs_dir)):
            self._stage[1].make(number)
        return {}

    @cached_property
    def _nodes(self) -> dict[str, Any]:
        return self._job.nodes()
