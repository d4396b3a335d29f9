"""A user's files as a spec's `data:`: what is held out of them, and how each is read."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tfkd.outside.flow_style import flow
from tfkd.spec.errors import UserError

# Of the rows of one set, about as many test and as many validate, but no more than one in twenty.
_HELD_OUT, _SPARSEST = 1000, 20
# Of fewer, nothing is held out that could measure or choose anything.
_FEWEST = 100


@dataclass(frozen=True)
class UserSet:
    """One of the user's sets.

    Attributes:
        entry: How it is read: keys and values of its mapping in `data:`.
        name: For messages.
        rows: How many it has.
        tokens: Of its longer side, over all rows: an estimate.
        joint_tokens: Of all its text.
        sides: How each of its sides is read as text of one field; empty where none is.
        one_in_capitals: Whether one of its sides is written in capitals and the other is not.
    """

    entry: str
    name: str
    rows: int
    tokens: int
    joint_tokens: int
    sides: tuple[str, ...] = ()
    one_in_capitals: bool = False

    def lowered(self) -> "UserSet":
        """The same, read in lower case."""
        entry, *sides = (f"{one}\nlower_case: true" for one in (self.entry, *self.sides))
        return replace(self, entry=entry, sides=tuple(sides))


@dataclass(frozen=True)
class UserSets:
    """The user's sets; `train` may have to give rows to those that are missing.

    Attributes:
        option: The option that named `train`.
        text: More text, without translations or labels.
    """

    train: UserSet
    option: str
    valid: UserSet | None = None
    test: UserSet | None = None
    text: UserSet | None = None

    def __post_init__(self) -> None:
        rows = self.train.rows
        if not rows and not self.held_out:
            raise UserError(
                f"{self.option}: {self.train.name}: there is no row in it; expected some"
            )
        if self.held_out and rows < _FEWEST:
            of = "tests and about as many validate" if len(self.held_out) == 2 else "is held out"
            has = "have" if " and " in self.train.name else "has"
            lines = "1 line" if rows == 1 else f"{rows} lines"
            raise UserError(
                f"{self.option}: {self.train.name} {has} {lines}; "
                f"expected at least {_FEWEST}, of which one in {_SPARSEST} {of}. Add rows, or name "
                "files of their own by --valid and --test"
            )

    def lowered(self) -> "UserSets":
        """The same, read in lower case."""
        sets = {name: getattr(self, name) for name in ("train", "valid", "test", "text")}
        return replace(self, **{name: one and one.lowered() for name, one in sets.items()})

    @property
    def held_out(self) -> dict[str, int]:
        """The sets that are every n-th row of the training set, with their n."""
        missing = [name for name in ("test", "valid") if getattr(self, name) is None]
        every = max(_SPARSEST, self.train.rows // _HELD_OUT)
        return {name: every + place for place, name in enumerate(missing)}

    def data(self, side: str = "") -> str:
        """The corpora test, valid and train; no text of the first two is trained on.

        Args:
            side: `.source`: rows overlap where their sources do; else any text of theirs counts.
        """
        held = self.held_out
        lines = []
        for name in ("test", "valid"):
            if name in held:
                lines += [
                    f"  {name}:", f"    {self.train.entry}",
                    f"    part: {{every: {held[name]}, keep: true}}",
                ]  # fmt: skip
            else:
                lines += [f"  {name}:", f"    {getattr(self, name).entry}"]
            lines += [f"    drop_overlap: [test{side}]"] * (name == "valid")
        lines += ["  train:", f"    {self.train.entry}"]
        if held:
            lines.append(f"    part: {{every: {min(held.values())}}}")
        lines.append(f"    drop_overlap: [valid{side}, test{side}]")
        return "\n".join(line.replace("\n", "\n    ") for line in lines)

    def said(self, row: str = "row") -> str:
        """What is held out, in words for a comment."""
        held = self.held_out
        if not held:
            return "What is in valid or test is not trained on."
        verbs = {"test": "tests", "valid": "validates"}
        parts = [f"one {row} in {n} {verbs[name]}" for name, n in held.items()]
        text = ", ".join(parts)
        return (
            f"{text[0].upper()}{text[1:]}, and no text of these is trained on.\n"
            "# Neighbouring rows are alike: text of the kind that the model will read, in files of "
            "its own\n# (--test), measures better."
        )


@dataclass(frozen=True)
class Published:
    """A published model's folder, and what its config.json and tokenizer say.

    Attributes:
        folder: As the user named it.
        kind: Its family.
        title: What people call it, with an article.
        options: The model's sizes, as the family's options have them.
        tokenizers: The options of its tokenizers, by name.
        causal: Whether it predicts each next token.
        words: Whether it has a head over words.
        translates: Whether it writes a target from a source.
        reads: Which of its tokenizers it reads by, `tokenizer:` of a model.
        labels: Its classes; empty without any.
        of_texts: Whether these are of texts, not of tokens.
        activation: Of the layer before its classes.
    """

    folder: str
    kind: str
    title: str
    options: Mapping[str, object] = field(default_factory=dict)
    tokenizers: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    causal: bool = False
    words: bool = True
    translates: bool = False
    reads: object = "published"
    labels: tuple[str, ...] = ()
    of_texts: bool = False
    activation: str = "tanh"

    @property
    def length(self) -> int:
        """Tokens that it has positions for; of relative ones as many as are read of a text."""
        return int(self.options.get("max_length", 512))

    def sizes(self) -> str:
        """Its options as a spec's lines."""
        return "\n".join(f"  {key}: {flow(value)}" for key, value in self.options.items())

    def vocabularies(self) -> str:
        """Its tokenizers as a spec's lines."""
        return "\n".join(f"  {name}: {flow(said)}" for name, said in self.tokenizers.items())

    def vocabulary(self) -> str:
        """The options of its one tokenizer as a spec's lines."""
        (said,) = self.tokenizers.values()
        return "\n".join(f"    {key}: {flow(value)}" for key, value in said.items())


def quoted(name: str) -> str:
    """A file's name, or a column's, where YAML reads one, in brackets, too."""
    plain = re.fullmatch(r"[A-Za-z_/][\w./-]*", name, re.ASCII)
    words = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
    if plain and name.lower() not in words:
        return name
    return json.dumps(name, ensure_ascii=not name.isprintable())
