"""A stage without TensorFlow in place of training, for drills of what runs stages.

As a plugin (`--plugin toy_stage`) it takes that place in a process of its own. It works as long
stages do: by shards, each of which is whole or not there, to a result that rests on all of them.
"""

import hashlib
import os
import time

from tfkd.data.files import write_atomically
from tfkd.pipeline.engine.output_shards import shard
from tfkd.pipeline.stages.train import TrainStage

SHARDS = 5


def register():
    """Takes the place of training."""
    TrainStage.run = work


def work(self, node, folder, context):
    """Digests of what the stage is trained on, a shard an input's file, and their sum."""
    files = sorted(
        path
        for child in node.inputs.values()
        for path in (context.stages / child.key).glob("*.*")
        if path.name != "manifest.json"
    )
    pause = float(os.environ.get("TOY_PAUSE", "0.01"))

    def digest(number):
        time.sleep(pause)
        texts = [path.read_bytes() for path in files[number::SHARDS]]
        return {"digest": hashlib.sha256(b"".join(texts)).hexdigest()}

    lines = []
    for number in range(SHARDS):
        context.deadline.check()
        found = shard(folder, f"shard-{number}.json", lambda number=number: digest(number))
        lines.append(found["digest"])
    write_atomically(folder.path / "digests.txt", "\n".join(lines))
    return {"shards": SHARDS}
