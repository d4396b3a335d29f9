"""Models of a run's stages, read from its folder alone.

A stage's manifest names the stages that it was made of. So neither the data nor the file of the
spec needs to be there any more, nor be what it was: the run's own `spec.yaml` says what the models
are, and manifests where their weights, tokenizers and classes lie.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfkd.data.checksummed import read_checksummed
from tfkd.pipeline.engine.builder import GraphBuilder
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.run_folder import ORIGIN
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.parts import folds_of
from tfkd.spec import Spec, load_spec
from tfkd.spec.errors import UserError
from tfkd.spec.source.relocated import relocated
from tfkd.spec.source.tree import node_of


class _NoFiles:
    """What stands for the data folder: nothing in it is looked at."""

    def corpus(self, *_: Any) -> dict[str, Any]:
        return {}

    def vocabulary(self, *_: Any) -> None:
        return None

    def checkpoint(self, *_: Any) -> None:
        return None


@dataclass
class FinishedStages(Context):
    """The surroundings of nodes whose results have been made: each has the folder that it had then.

    Attributes:
        keys: The folders' names, `KIND-FINGERPRINT`, of the nodes that are known.
    """

    keys: dict[int, str] = field(default_factory=dict)

    def folder(self, node: Node) -> StageFolder:
        """The folder of a node's result."""
        kind, _, fingerprint = self.keys[id(node)].rpartition("-")
        return StageFolder(self.stages, kind, fingerprint)

    def adopt(self, node: Node, key: str) -> None:
        """Tells which folder has a node's result; with it, which have those that it rests on."""
        self.keys[id(node)] = key
        folder = self.folder(node)
        made_of: Mapping[str, str] = folder.manifest().get("inputs", {}) if folder.done else {}
        for role, child in node.inputs.items():
            if role in made_of and id(child) not in self.keys:
                self.adopt(child, made_of[role])


def stage_key(run: Path, label: str) -> str:
    """The name of the folder that a run's link to a stage leads to."""
    return (run / label).resolve().name


def finished_stage(
    run: Path, label: str, plugins: Sequence[str] = ()
) -> tuple[Node, FinishedStages]:
    """A stage of a run, as `tfkd.pipeline` knows it, and where its result and all below it lie.

    Args:
        run: The run folder.
        label: The stage's link in it, `STAGE[#VARIANT][+SEED]`; of one of its trainings in folds
            with `[fold K of N]` behind.
        plugins: Modules that register classes: all those of the run.

    Raises:
        UserError: The folder's own files are missing or damaged, its plugins are not named, or the
            stage has another form in this version of tfkd.
    """
    spec, own_variant = _spec_of(run, plugins)
    whole, _, fold = label.partition("[fold ")
    name, _, seed = whole.partition("+")
    name, _, variant = name.partition("#")
    if variant and variant != own_variant:
        spec = spec.with_variant(variant)
    if seed:
        spec = spec.with_seed(int(seed))
    if name not in spec.stages:
        raise UserError(f"{run / label} is no stage of {run / 'spec.yaml'}")
    builder = GraphBuilder(Path(), spec, _NoFiles())
    node = builder.stage(spec, name)
    if fold:
        node = folds_of(node)[int(fold.partition(" ")[0]) - 1]
    found = FinishedStages(data_dir=Path(), runs_dir=run.resolve().parent)
    found.adopt(node, stage_key(run, label))
    return node, found


def _spec_of(run: Path, plugins: Sequence[str]) -> tuple[Spec, str | None]:
    """A run's spec, and the variant whose values stand in it."""
    try:
        origin = read_checksummed(run / ORIGIN, required=False)
        path, variant, of = Path(origin["spec"]), origin["variant"], origin["plugins"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{run} is no run folder of tfkd ({ORIGIN}: {error})") from error
    if unnamed := [str(module) for module in of if module not in plugins]:
        raise UserError(
            f"{run} was made with plugins, which are code, and a run folder imports none. If you "
            f"trust them, name them: open_run({str(run)!r}, plugins={unnamed})"
        )

    def moved(plain: dict[str, Any]) -> dict[str, Any]:
        # References to other specs are relative to the file that the run was made of.
        return relocated(node_of(plain, str(path)), path.parent).plain()

    return load_spec(run / "spec.yaml", plugins=plugins, change=moved), variant
