"""A stand-in for Ray: actors are told here what they answer, and when they are lost."""

from types import SimpleNamespace

from tfkd.pipeline.cluster.asked import AskedCluster
from tfkd.pipeline.cluster.ray_session import RaySession


class RayError(Exception):
    pass


class ActorError(RayError):
    """As Ray's: `actor_init_failed` says whether its own code failed."""

    def __init__(self, text="the actor died", actor_init_failed=False):
        super().__init__(text)
        self.actor_init_failed = actor_init_failed


class SystemLostError(RayError):
    pass


class _Reference:
    def __init__(self, actor, name, args):
        self.actor, self.name, self.args = actor, name, args
        self.text = None


class _Actor:
    def __init__(self):
        self.lost = None

    def __getattr__(self, name):
        return SimpleNamespace(remote=lambda *args: _Reference(self, name, args))


class MadeUpRay:
    """What `RayPool` uses of Ray.

    Args:
        answer: From an actor, the method that it is asked for and its arguments to a text; an
            exception that it raises is that of the lost actor.
    """

    exceptions = SimpleNamespace(
        RayError=RayError, RayActorError=ActorError, RaySystemError=SystemLostError
    )

    def __init__(self, answer):
        self.answer, self.actors, self.needs = answer, [], []

    def remote(self, kind):
        def started(setup):
            self.actors.append(_Actor())
            return self.actors[-1]

        def options(**needs):
            self.needs.append(needs)
            return SimpleNamespace(remote=started)

        return SimpleNamespace(options=options)

    def wait(self, references, timeout):
        return references[:1], references[1:]

    def get(self, reference):
        actor = reference.actor
        if actor.lost is None:
            try:
                return self.answer(actor, reference.name, *reference.args)
            except ActorError as error:
                actor.lost = error
        raise actor.lost

    def kill(self, actor):
        actor.lost = actor.lost or ActorError("killed")


class MadeUpSession(RaySession):
    """A session of it."""

    def __init__(self, ray, stages, cpus=(2,), **asked):
        self.ray, self.asked = ray, AskedCluster("auto", **asked)
        self._plugins, self._address, self._head = (), "auto", "localhost:1"
        self._gone, self._cpus = False, cpus
        self.mark = stages / ".mark"

    def machines(self):
        return {f"m{number}": {"CPU": cpus} for number, cpus in enumerate(self._cpus)}

    def look(self, *, at_once=False):
        pass
