"""What makes shards in a process of its own: asked in text, answering in text."""

import json
import os
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from tfkd.data.side_by_side import use_cores
from tfkd.pipeline.cluster.job import Job, found_node

# Has TensorFlow take of a GPU's memory no more than it needs.
GROWTH = "TF_FORCE_GPU_ALLOW_GROWTH"
# The kinds of answers.
DONE, WRONG_INPUT, SURROUNDINGS, FAULT = "done", "wrong input", "surroundings", "fault"


def begun(setup: Mapping[str, Any]) -> None:
    """Makes a process what `setup` says, before anything imports TensorFlow.

    Args:
        setup: `environment`, variables that are set where they are not; `paths`, where plugins
            are looked for, too; `cores`, how many processors are this process's; and `threads`,
            how many of them each operation of TensorFlow has; None: as it would here.
    """
    sys.path += [path for path in setup["paths"] if path not in sys.path]
    for name, value in setup["environment"].items():
        os.environ.setdefault(name, value)
    if setup["threads"] is not None:
        os.environ["TF_NUM_INTRAOP_THREADS"] = str(setup["threads"])
        os.environ["TF_NUM_INTEROP_THREADS"] = str(setup["cores"])
    from tfkd.quiet import quiet

    quiet()
    use_cores(setup["cores"], setup["threads"])


def hello_of(mark: str) -> dict[str, Any]:
    """Who this process is, and whether it sees a file that was written for it to be seen."""
    from tfkd.pipeline.engine.stage_folder import versions

    return {
        "host": socket.gethostname(),
        "process": os.getpid(),
        "versions": versions(),
        "sees": Path(mark).is_file(),
    }


def answered(make: Callable[[], Mapping[str, Any]]) -> str:
    """What is made, or what went wrong, in words: no exception leaves the process."""
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
    return json.dumps(answer)


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
        return answered(lambda: hello_of(mark))

    def shard(self, key: str, number: int) -> str:
        """Makes one shard of a stage, if it is not there.

        Args:
            key: The stage's.
            number: The shard's.
        """
        return answered(lambda: self._made(key, number))

    def _made(self, key: str, number: int) -> dict[str, Any]:
        if self._stage is None or self._stage[0] != key:
            self._stage = None  # frees the model of the stage before
            node = found_node(self._nodes, key)
            context = self._job.context()
            self._stage = key, node.stage.shards(node, context.folder(node), context)
        self._stage[1].make(number)
        return {}

    @cached_property
    def _nodes(self) -> dict[str, Any]:
        return self._job.nodes()
