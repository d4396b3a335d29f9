"""The plugin `digest_stage`, a quarter of a second a shard."""

import time

from digest_stage import Digest

_plain = Digest.shards


def slow(self, node, folder, context):
    shards = _plain(self, node, folder, context)
    make = shards._make

    def made(number):
        time.sleep(0.25)
        return make(number)

    shards._make = made
    return shards


Digest.shards = slow
