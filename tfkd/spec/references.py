"""References to stages: `STAGE`, `STAGE#VARIANT`, `SPEC:STAGE#VARIANT`."""

from dataclasses import dataclass

from tfkd.spec.stage_kinds import kinds
from tfkd.spec.wording import shown

# Where references stand outside of stages; * is any key or index.
_PLACES = (
    ("evaluate", "*", "of"), ("evaluate", "*", "against"),
    ("export",), ("export", "*"), ("export", "*", "of"),
)  # fmt: skip


def places() -> list[tuple[str, ...]]:
    """Where references stand in a spec; * is any key or index."""
    found = dict.fromkeys(_PLACES)
    for kind in kinds().values():
        for place, to in kind.places():
            if to not in ("corpus", "declared"):
                found["stages", "*", *place] = None
    return list(found)


@dataclass(frozen=True)
class Reference:
    """A parsed reference.

    Attributes:
        stage: The stage's name.
        variant: The variant that it is taken from; None: the one that refers.
        spec: The file of another spec, relative to the one that refers (`extends:` rewrites what
            stands in a file of another folder); None: the same.
    """

    stage: str
    variant: str | None = None
    spec: str | None = None

    def __str__(self) -> str:
        text = f"{self.spec}:{self.stage}" if self.spec else self.stage
        return f"{text}#{self.variant}" if self.variant else text


def parse(text: str) -> Reference:
    """Parses a reference.

    Raises:
        ValueError: An empty stage, variant or spec.
    """
    spec, colon, rest = text.rpartition(":")
    stage, hash_, variant = rest.partition("#")
    if not stage or (hash_ and not variant) or (colon and not spec):
        raise ValueError(
            f"{shown(text)} is no reference; expected STAGE, STAGE#VARIANT or SPEC:STAGE"
        )
    return Reference(stage, variant or None, spec or None)
