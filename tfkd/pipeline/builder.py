"""From a spec to the graph of its stages."""

from pathlib import Path

from tfkd.pipeline.class_nodes import ClassNodes
from tfkd.pipeline.data_folder import DataFolder
from tfkd.pipeline.evaluation_nodes import EvaluationNodes
from tfkd.pipeline.graph import Node
from tfkd.pipeline.stage_nodes import StageNodes
from tfkd.pipeline.text_nodes import TextNodes
from tfkd.spec import Spec
from tfkd.spec.errors import UserError
from tfkd.spec.references import parse


class GraphBuilder(TextNodes, ClassNodes, StageNodes, EvaluationNodes):
    """Builds nodes, each once, from specs and their variants.

    Args:
        data_dir: The folder that data paths are relative to.
        home: The spec that is run; labels of what other specs lend start with their names.
        files: Finds what specs name in the data folder; default: and hashes it.
    """

    def __init__(self, data_dir: Path, home: Spec | None = None, files: DataFolder | None = None):
        self._data_dir = data_dir
        self._files = DataFolder() if files is None else files
        self._home = home
        self._made: dict[tuple, Node] = {}
        self._under_way: set[tuple] = set()
        self._specs: dict[tuple[Path, str | None], Spec] = {}

    def _once(self, key: tuple, make) -> Node:
        if key not in self._made:
            if key in self._under_way:  # over tokenizers of a teacher from another variant
                raise UserError(f"a circle of stages leads back to the {key[1]} {key[2]}")
            self._under_way.add(key)
            self._made[key] = make()
            self._under_way.discard(key)
        return self._made[key]

    def _own(self, spec: Spec, name: str) -> str:
        lent = self._home is not None and Path(spec.path) != Path(self._home.path)
        return f"{spec.name}:{name}" if lent else name

    def _label(self, spec: Spec, name: str, seed: int | None) -> str:
        name = f"{name}#{spec.variant}" if spec.variant else name
        return self._own(spec, name if seed is None else f"{name}+{seed}")

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
        make = {
            "train": self._train,
            "score": self._score,
            "load": self._load,
            "translate": self._translate,
        }[options.kind]
        return self._once((id(spec), "stage", name), lambda: make(spec, name, options))
