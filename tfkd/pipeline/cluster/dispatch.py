"""Shards given to workers, of which any may be lost at any time."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

from tfkd.pipeline.cluster.asked import RETRIES
from tfkd.pipeline.cluster.worker import DONE, SURROUNDINGS, WRONG_INPUT
from tfkd.spec.errors import UserError
from tfkd.training.interruption import Interrupted

# When nothing is left to begin, a shard is begun a second time once it takes so many times as long
# as most, and so many seconds.
_LONGER, _LEAST = 3.0, 10.0
_LOOK_EVERY = 0.5


class Place(NamedTuple):
    """Where a worker works."""

    number: int
    host: str


class Answer(NamedTuple):
    """What a worker has answered; None: it is lost."""

    place: Place
    content: dict[str, Any] | None


class Pool(Protocol):
    """Workers, each in its place; one that is lost is started again there."""

    def idle(self) -> list[Place]:
        """The places whose workers are ready and have nothing to do."""
        ...

    def give(self, place: Place, key: str, number: int) -> None:
        """Gives a ready worker a shard of a stage."""
        ...

    def answers(self, seconds: float) -> list[Answer]:
        """What has been answered, as soon as something has, or after some time."""
        ...

    def drop(self, place: Place) -> None:
        """Ends a worker at its work, and starts another in its place."""
        ...


class Tally(NamedTuple):
    """What has come of a stage's shards.

    Attributes:
        done: Shards that are whole.
        of: Shards in all.
        begun: When the first was given, by `time.monotonic`.
        made: Shards made by host.
        seconds: Seconds spent on them, by host.
        lost: Workers that were lost at work.
    """

    done: int
    of: int
    begun: float
    made: Counter
    seconds: Counter
    lost: int


class Dispatch:
    """The shards of one stage on their way to workers and back.

    A shard whose worker is lost is given to another; what the lost one has written of it nobody
    sees. When none is left to begin, one that takes far longer than others is begun a second time,
    elsewhere: the first that comes back counts, for both write the same bytes.

    Args:
        pool: The workers.
        key: The stage's.
        numbers: The shards that are to be made.
        told: Called with a `Tally` after each look.
        retries: How many workers may be lost at work on one shard, before it is taken for the
            reason.
    """

    def __init__(
        self,
        pool: Pool,
        key: str,
        numbers: Iterable[int],
        told: Callable[[Tally], None],
        retries: int = RETRIES,
    ):
        self._pool, self._key, self._told, self._retries = pool, key, told, retries
        self._waiting = deque(numbers)
        self._of = len(self._waiting)
        self._busy: dict[Place, tuple[int, float]] = {}
        self._done: dict[int, float] = {}
        self._losses: Counter = Counter()
        self._made: Counter = Counter()
        self._seconds: Counter = Counter()

    def run(self) -> Tally:
        """Returns when all shards are whole.

        Raises:
            UserError: A worker found the input wrong.
            Interrupted: A worker was stopped by its surroundings, or one shard costs worker after
                worker.
            RuntimeError: A worker failed by an error of the program itself.
        """
        begun = time.monotonic()
        try:
            while len(self._done) < self._of:
                for place in self._pool.idle():
                    self._begin(place)
                for answer in self._pool.answers(_LOOK_EVERY):
                    self._take(answer)
                tally = Tally(
                    len(self._done), self._of, begun, self._made, self._seconds,
                    sum(self._losses.values()),
                )  # fmt: skip
                self._told(tally)
            return tally
        finally:
            # Who is still at a shard must not write it when the stage's folder is closed.
            for place in list(self._busy):
                self._pool.drop(place)

    def _begin(self, place: Place) -> None:
        number = self._waiting.popleft() if self._waiting else self._straggler()
        if number is not None:
            self._busy[place] = number, time.monotonic()
            self._pool.give(place, self._key, number)

    def _straggler(self) -> int | None:
        """A shard that one worker alone has, and for too long."""
        now = time.monotonic()
        if not self._done or all(now - since <= _LEAST for _, since in self._busy.values()):
            return None
        usual = sorted(self._done.values())[len(self._done) // 2]
        least = now - max(_LONGER * usual, _LEAST)
        runners = Counter(number for number, _ in self._busy.values())
        late = [
            (since, number)
            for number, since in self._busy.values()
            if runners[number] == 1 and number not in self._done and since < least
        ]
        return min(late)[1] if late else None

    def _take(self, answer: Answer) -> None:
        if answer.place not in self._busy:
            return  # lost while it had nothing to do
        number, since = self._busy.pop(answer.place)
        took = time.monotonic() - since
        if answer.content is None:
            self._lost(number)
        elif answer.content["kind"] == DONE:
            self._done.setdefault(number, took)
            self._made[answer.place.host] += 1
            self._seconds[answer.place.host] += took
        else:
            raise error_of(answer.place, answer.content)

    def _lost(self, number: int) -> None:
        self._losses[number] += 1
        if number in self._done:
            return
        if self._losses[number] > self._retries:
            raise Interrupted(
                f"{self._losses[number]} workers were lost at work on shard {number} of "
                f"{self._key}: most often their machines have too little memory for it"
            )
        if number not in (one for one, _ in self._busy.values()):
            self._waiting.appendleft(number)


def error_of(place: Place, content: dict[str, Any], what: str = "worker") -> Exception:
    """What went wrong at a place, as the error that it would be here."""
    where = f"{what} {place.number} on {place.host}: "
    if content["kind"] == WRONG_INPUT:
        return UserError(where + content["text"])
    if content["kind"] == SURROUNDINGS:
        return Interrupted(where + content["text"])
    return RuntimeError(where + content["text"].strip())
