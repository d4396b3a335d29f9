"""`--seeds`: the seeds of all that trains, asked for beside the spec.

It is kept among the overrides, as what `--set seeds=[...]` puts there; but seeds that the spec has
of its own it does not replace: these say what is to be trained once a seed, and what once.
"""

from tfkd.spec.errors import SpecError
from tfkd.spec.seeds import MOST, are_seeds, written_seeds
from tfkd.spec.source.tree import Node
from tfkd.spec.wording import cut

# What the override begins with, where another has its dotted path.
OPTION = "--seeds"


def seeds_override(text: str) -> str:
    """What `--seeds` takes, as an override: 3 -> --seeds=[1, 2, 3]; 4,7 -> --seeds=[4, 7].

    Raises:
        ValueError: These are no seeds.
    """
    words = [one.strip() for one in text.split(",")]
    if not all(one.isascii() and one.isdecimal() for one in words):
        raise ValueError(f"{text} are no numbers")
    seeds = [int(one) for one in words]
    if "," not in text:
        if not 1 <= seeds[0] <= MOST:
            raise ValueError(f"{seeds[0]} is no number of seeds from 1 to {MOST}")
        seeds = list(range(1, seeds[0] + 1))
    if not are_seeds(seeds):
        raise ValueError(f"{text} are no different seeds")
    return f"{OPTION}={seeds}"


def conflicts(tree: Node, asked: list[int]) -> tuple[bool, list[SpecError]]:
    """Whether a composed spec has seeds of its own, and what is wrong with those that are not the
    ones asked for."""
    own = dict(written_seeds(tree))
    faults = [
        SpecError(
            node.file,
            node.line,
            ".".join(path),
            f"found {cut(str(node.plain()))}, and {OPTION} asks for {asked} of all that trains",
            f"one of both: leave out {OPTION}, or say --set {'.'.join(path)}={asked}",
        )
        for path, node in own.items()
        if node.plain() != asked
    ]
    return bool(own), faults
