"""The plugin `digest_stage`; the process that makes a certain shard dies the first time."""

import os
import signal

from digest_stage import Digest

SHARD = 2
_plain = Digest.shards


def dying(self, node, folder, context):
    shards = _plain(self, node, folder, context)
    make = shards._make

    def made(number):
        mark = folder.scratch / "died"
        if number == SHARD and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return make(number)

    shards._make = made
    return shards


Digest.shards = dying
