"""The graph of stages: what a spec's results rest on, each node with its fingerprint."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tfkd.pipeline.engine.kinds import revisions, stage_of, task_named
from tfkd.pipeline.engine.roles import Role
from tfkd.spec import Spec
from tfkd.spec.errors import UserError
from tfkd.spec.names import SEVERAL, WAY_OUT
from tfkd.spec.tasks.task import task_name

# Of a fingerprint, in hexadecimal digits.
LENGTH = 16


@dataclass(frozen=True, eq=False)
class Node:
    """One stage: a result that is made once and shared by all that need it.

    Attributes:
        kind: The kind of stage, like `corpus` or `train`; see `kinds`.
        label: The name that people see, `STAGE[#VARIANT][+SEED]` for stages of a spec.
        spec: The resolved spec that it was built from.
        options: The spec's options for this stage.
        inputs: The stages it reads, by `Role`, or a role with names behind it.
        identity: All else that the result depends on, in plain types.
        own_seed: The one of its spec's seeds that it is trained with, of a stage that has them.
    """

    kind: str
    label: str
    spec: Spec
    options: Any
    inputs: Mapping[str, "Node"]
    identity: Mapping[str, Any]
    own_seed: int | None = None

    def __post_init__(self) -> None:
        """Refuses models of a stage with folds where one model is read: those of other specs, which
        the checks of this one do not know."""
        for role, child in self.inputs.items():
            if getattr(child.options, "folds", None) and not self.stage.reads_folds(role):
                raise UserError(f"the {self.kind} stage {self.label} reads {child.label} as its "
                                f"{role}, which {SEVERAL}. Expected {WAY_OUT}")  # fmt: skip

    @cached_property
    def fingerprint(self) -> str:
        """The stage's name in `RUNS/stages`, less its kind."""
        return fingerprint(
            self.kind,
            {
                **revisions(self.kind),
                "identity": self.identity,
                "inputs": {role: node.fingerprint for role, node in self.inputs.items()},
            },
        )

    @property
    def stage(self) -> Any:
        """The `Stage` of its kind."""
        return stage_of(self.kind)

    @property
    def trained(self) -> "Node":
        """The training, or checkpoint, that says what its model is like: most often itself."""
        return self.stage.trained(self)

    @property
    def model(self) -> Any:
        """The options of its model."""
        trained = self.trained
        return trained.spec.models[trained.options.train]

    @property
    def task(self) -> Any:
        """The `Task` that its model is for."""
        trained = self.trained
        return task_named(task_name(trained.model, trained.options, trained.spec.views))

    @property
    def gives(self) -> frozenset[str]:
        """What others can do with its result: see `Stage`."""
        return self.stage.gives

    @property
    def key(self) -> str:
        """`KIND-FINGERPRINT`: the folder's name."""
        return f"{self.kind}-{self.fingerprint}"

    @cached_property
    def seed(self) -> int | None:
        """The one of its spec's seeds that its result depends on; None: it depends on none."""
        return self.own_seed if self.own_seed is not None else seed_of(self.inputs)

    def inputs_of(self, role: str) -> dict[str, "Node"]:
        """The inputs of a role that several have, as `teacher.TERM` or `tokenizer.SIDE`, by their
        names behind it."""
        start = f"{role}."
        return {
            name.removeprefix(start): node
            for name, node in self.inputs.items()
            if name.startswith(start)
        }

    @cached_property
    def corpora(self) -> list["Node"]:
        """The corpora that the stage reads as its `data`, in their order."""
        roles = (Role.DATA.of(index, Role.CORPUS) for index in range(len(self.options.data)))
        return [self.inputs[role] for role in roles]

    def input_fingerprints(self) -> dict[str, str]:
        """Fingerprints by role, for the manifest."""
        return {role: node.key for role, node in self.inputs.items()}


def seed_of(inputs: Mapping[str, Node]) -> int | None:
    """The seed that what is made of these stages depends on."""
    return next((node.seed for node in inputs.values() if node.seed is not None), None)


def in_order(nodes: Iterable[Node]) -> list[Node]:
    """The nodes and all that they rest on, each once, inputs first."""
    seen: dict[str, Node] = {}

    def visit(node: Node) -> None:
        if node.key not in seen:
            for child in node.inputs.values():
                visit(child)
            seen[node.key] = node

    for node in nodes:
        visit(node)
    return list(seen.values())


def distinct_labels(nodes: Iterable[Node]) -> dict[str, str]:
    """The nodes' labels by key, told apart where two of a kind have one label.

    A variant that changes a corpus has another corpus of that name: `train` and `train#VARIANT`.
    Others are numbered in their order: `learn on test` and `learn on test (2)`.
    """
    labels: dict[str, str] = {}
    taken: set[tuple[str, str]] = set()
    for node in nodes:
        label = node.label
        if (node.kind, label) in taken and node.spec.variant:
            label = f"{label}#{node.spec.variant}"
        number, plain = 2, label
        while (node.kind, label) in taken:
            label, number = f"{plain} ({number})", number + 1
        taken.add((node.kind, label))
        labels[node.key] = label
    return labels


def canonical(value: Any) -> str:
    """A value of plain types as JSON with sorted keys: equal values give equal text."""
    return json.dumps(
        value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple | set | frozenset):
        return sorted(value) if isinstance(value, set | frozenset) else list(value)
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    raise TypeError(f"Invalid value for a fingerprint. Expected plain types. Received: {value!r}")


def fingerprint(kind: str, identity: Mapping[str, Any]) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a stage's kind and identity.

    Args:
        kind: The stage's kind, for example `train`.
        identity: All that the result depends on: options with defaults filled, revisions of
            classes, the inputs' fingerprints and hashes of data. No name, device or date.
    """
    text = canonical({"kind": kind, "identity": identity})
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:LENGTH]
