"""A training of more steps goes on from where one of fewer ended, instead of making those anew.

The two are the same training but for its length: a batch follows from seed and step, and so do
masks and dropout. So the state at the shorter one's end is what the longer one comes by, bit for
bit, where the schedule gives both the same rates until then (constant, or a warm-up of so many
steps and inverse square root), and cores share a step alike. Where the rate comes down to the end
of training, the longer one would have had other rates: it is trained from its start.
"""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from tfkd.data.checksummed import read_checksummed, write_checksummed
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node, fingerprint
from tfkd.pipeline.engine.kinds import revisions
from tfkd.pipeline.engine.outdated import contents_of
from tfkd.training.optimization.schedules import Schedule, build_schedule

# In the folder of stages: nothing rests on it, and it may be removed to free the disk.
ENDS = "ends"
_NOTE = "end.json"
_LENGTH = ("steps", "epochs")


def ends_of(node: Node, context: Context) -> Path:
    """The folder of the kept ends of trainings that differ from this one in their length alone."""
    identity = {key: one for key, one in node.identity.items() if key not in _LENGTH}
    inputs = node.input_fingerprints()
    key = fingerprint(node.kind, {**revisions(node.kind), "identity": identity, "inputs": inputs})
    return context.stages / ENDS / f"{node.kind}-{key}"


def keep_end(node: Node, steps: int, work: Path, context: Context) -> None:
    """Keeps the state that a training has ended with; says so where there is no room for it.

    Args:
        node: The stage.
        steps: Its steps.
        work: The training's folder.
        context: The run's surroundings.
    """
    from tfkd.training.state.ends import keep_end as keep

    place = ends_of(node, context) / str(steps)
    if steps in dict(_ends(node, context)):
        return
    half = place.with_name(f".{place.name}")
    for path in (half, place):  # of a run that was killed, or on what inputs held before
        shutil.rmtree(path, ignore_errors=True)
    try:
        keep(work, half)
        note = {"steps": steps, "of": node.key, "contents": contents_of(node, context)}
        write_checksummed(half / _NOTE, note)
        half.rename(place)
    except OSError as error:
        shutil.rmtree(half, ignore_errors=True)
        context.say(f"{node.label}: its end is not kept for a longer training ({error})")


def shorter(
    node: Node, steps: int, context: Context, schedule: Callable[[int], Schedule] | None = None
) -> tuple[int, Path | None]:
    """The longest shorter training whose end is kept.

    Args:
        node: The stage.
        steps: Its steps.
        context: The run's surroundings.
        schedule: Gives the rates of a training of so many steps; None: those of its options, of a
            model of any width.

    Returns:
        Its steps, 0 without one; and where its end is, None where the rates until then are others.
    """
    schedule = schedule or (lambda length: build_schedule(node.options.schedule, length, width=1))
    found = {length: place for length, place in _ends(node, context) if length < steps}
    ours = schedule(steps)
    for length in sorted(found, reverse=True):
        theirs = schedule(length)
        if all(ours(step) == theirs(step) for step in range(1, length + 1)):
            return length, found[length]
    return max(found, default=0), None


def begin(
    node: Node, steps: int, work: Path, context: Context, schedule: Callable[[int], Schedule]
) -> None:
    """Lets a training that has not begun start at the end of a shorter one, if one is kept; says
    so, and why not where its schedule forbids it.

    Args:
        node: The stage.
        steps: Its steps.
        work: The training's folder.
        context: The run's surroundings.
        schedule: Gives the rates of a training of so many steps.
    """
    if any((work / "checkpoints").glob("step-*.json")):
        return
    length, place = shorter(node, steps, context, schedule)
    if place is not None:
        from tfkd.training.state.ends import DamagedFileError, begin_at_end

        try:
            made = begin_at_end(place, work, node.key)
        except (OSError, DamagedFileError, IndexError) as error:
            context.say(f"{node.label}: {place} cannot be read ({error}): trained from the start")
            return
        context.say(
            f"{node.label}: {steps:,} steps, of which {made:,} are made: "
            + (
                "a training of so many has ended there"
                if made == length
                else f"a training of {length:,} has ended there, out of patience"
            )
        )
    elif length:
        context.say(f"{node.label}: trained from the start: {_why_anew(node, length, steps)}")


def anew(node: Node, steps: int, context: Context) -> str:
    """What is said of a training that will not go on from the end of a shorter one, whose rates
    were others; empty where it will, or where there is none."""
    length, place = shorter(node, steps, context)
    if place is not None or not length:
        return ""
    return f"{node.label}: trained from the start: {_why_anew(node, length, steps)}"


def _why_anew(node: Node, length: int, steps: int) -> str:
    """Why a training does not go on from the end of a shorter one."""
    kind = node.options.schedule.kind
    return (
        f"the rates of its schedule ({kind}) at steps 1 to {length:,} are others in a training of "
        f"{steps:,} steps than in one of {length:,}"
    )


def _ends(node: Node, context: Context) -> Iterator[tuple[int, Path]]:
    """The ends that are kept, of trainings on what the inputs hold now."""
    notes = [*ends_of(node, context).glob(f"[0-9]*/{_NOTE}")]
    now = contents_of(node, context) if notes else {}
    for path in notes:
        with contextlib.suppress(OSError, ValueError, KeyError):
            note = read_checksummed(path)
            if all(now.get(role, content) == content for role, content in note["contents"].items()):
                yield int(note["steps"]), path.parent
