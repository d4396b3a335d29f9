"""From a spec to the graph of its stages."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfkd.data.transforms import text_fields
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.kinds import stage_of
from tfkd.pipeline.inputs.data_folder import DataFolder
from tfkd.spec import Spec
from tfkd.spec.errors import UserError
from tfkd.spec.references import parse


class GraphBuilder:
    """Builds nodes, each once, from specs and their variants. What one depends on, its kind says.

    Args:
        data_dir: The folder that data paths are relative to.
        home: The spec that is run; labels of what other specs lend start with their names.
        files: Finds what specs name in the data folder; default: and hashes it.
    """

    def __init__(self, data_dir: Path, home: Spec | None = None, files: DataFolder | None = None):
        self.data_dir = data_dir
        self.files = DataFolder() if files is None else files
        self._home = home
        self._made: dict[tuple, Node] = {}
        self._under_way: set[tuple] = set()
        self._specs: dict[tuple[Path, str | None], Spec] = {}

    def once(self, key: tuple, make: Callable[[], Node]) -> Node:
        """A node by what it is made of, made when it is first asked for.

        Raises:
            UserError: It is asked for while it is made.
        """
        if key not in self._made:
            if key in self._under_way:
                raise UserError(f"a circle of stages leads back to the {key[1]} {key[2]}")
            self._under_way.add(key)
            self._made[key] = make()
            self._under_way.discard(key)
        return self._made[key]

    def own(self, spec: Spec, name: str) -> str:
        """A name in a label: what another spec lends has that spec's name before it."""
        lent = self._home is not None and Path(spec.path) != Path(self._home.path)
        return f"{spec.name}:{name}" if lent else name

    def label(self, spec: Spec, name: str, seed: int | None) -> str:
        """The label of a spec's stage, `STAGE[#VARIANT][+SEED]`."""
        name = f"{name}#{spec.variant}" if spec.variant else name
        return self.own(spec, name if seed is None else f"{name}+{seed}")

    def resolve(self, spec: Spec, reference: str) -> tuple[Spec, str]:
        """The spec (with its variant) and the stage that a reference names."""
        parsed = parse(reference)
        if parsed.spec is None and parsed.variant is None:
            return spec, parsed.stage
        path = spec.path if parsed.spec is None else Path(spec.path).parent / parsed.spec
        key = (Path(path), parsed.variant)
        if key not in self._specs:
            if parsed.spec is None:
                self._specs[key] = spec.with_variant(parsed.variant)
            else:
                from tfkd.spec import load_spec

                # --smoke shrinks what other specs lend as well.
                self._specs[key] = load_spec(
                    path, variant=parsed.variant, plugins=spec.plugins, change=spec.change
                )
        return self._specs[key], parsed.stage

    def stage(self, spec: Spec, reference: str) -> Node:
        """A stage by its reference, `STAGE[#VARIANT]` or `SPEC:STAGE[#VARIANT]`."""
        spec, name = self.resolve(spec, reference)
        options = spec.stages[name]
        return self.once(
            (id(spec), "stage", name),
            lambda: stage_of(options.kind).node(self, spec, name, options),
        )

    def corpus(self, spec: Spec, name: str) -> Node:
        """A corpus's text: read, checked and transformed, or what a stage writes."""
        if name in spec.stages:
            return self.stage(spec, name)
        return self.once(
            (id(spec), "corpus", name),
            lambda: stage_of("corpus").node(self, spec, name, spec.data[name]),
        )

    def fields(self, spec: Spec, name: str) -> tuple[str, ...]:
        """A corpus's fields."""
        if name in spec.stages:
            return spec.stages[name].corpus_fields(lambda other: self.fields(spec, other))
        return spec.data[name].field_names

    def texts(self, spec: Spec, name: str) -> list[str]:
        """Those of a corpus's fields that hold text."""
        fields = self.fields(spec, name)
        return [fields[index] for index in text_fields(fields)]

    def tokenizer(self, spec: Spec, name: str) -> Node:
        """A tokenizer: learnt, or read from a file or preset."""
        return self.once(
            (id(spec), "tokenizer", name),
            lambda: stage_of("tokenizer").node(self, spec, name, spec.tokenizers[name]),
        )

    def part(self, spec: Spec, role: str, corpus: str, *read: Any, **own: Any) -> dict[str, Node]:
        """What a model reads of a corpus, by role; see `IdsStage.part`."""
        return stage_of("ids").part(self, spec, role, corpus, *read, **own)

    def evaluation(self, spec: Spec, *asked: Any, **settings: Any) -> Node:
        """A model's metrics on a corpus; see `EvaluateStage.node`."""
        return stage_of("evaluate").node(self, spec, *asked, **settings)
