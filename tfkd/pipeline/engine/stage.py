"""What a kind of stage is, `train` or `score`, the package's own or a plugin's.

A kind has two halves, because a spec is read and checked on a machine that will never run it.
Its options (`tfkd.spec.stage.StageOptions`) are all that a spec knows of it: the key in `stages:`
that names it, its keys, the stages, corpora and models that they refer to, what it gives, its
checks and what `--smoke` makes of it. Its `Stage` is what the pipeline knows: the node in the
graph and all that its result depends on, its row of the plan, the work, and what results.json
shows of it. A spec finds the options in the registry, `register("stage", NAME, options=...,
target="module:Class")`; the pipeline imports the target when it builds a graph, so that a module
with a `Stage` imports TensorFlow in `run` alone. What every spec makes without naming it in
`stages:` (corpora, tokenizers, ids, evaluations, exports) is a `Stage` without such options.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, ClassVar

from tfkd.pipeline.engine.graph import Node, seed_of
from tfkd.pipeline.engine.identity import plain, raised
from tfkd.spec.stage import StageOptions

if TYPE_CHECKING:
    from tfkd.pipeline.engine.builder import GraphBuilder
    from tfkd.pipeline.engine.context import Context
    from tfkd.pipeline.engine.output_shards import Shards
    from tfkd.pipeline.engine.stage_folder import StageFolder
    from tfkd.pipeline.plan.planned import Planned
    from tfkd.spec import Spec


class Stage:
    """One kind of stage, without state: a node has what is particular to one.

    Attributes:
        Options: What a spec knows of it, of a kind that `stages:` can name: these say its `kind`
            and what it `gives`, too.
        kind: Its name, which begins the names of its folders.
        revision: Raised when it gives another result from the same inputs: older results are then
            made anew. Classes named in specs carry revisions of their own in the registry.
        gives: What others can do with its result. `model`: it leaves `weights.safetensors`, and
            `parameters` in its summary. `corpus`: it leaves what `write_text_corpus` writes, with
            `report` and `fields` in its summary. `targets`: it leaves stores as `ScoreStage` does.
            `alignments`: it leaves links and a lexicon as `AlignStage` does.
        early: Whether it is made before all that needs none of it: it refuses a user's files, and
            others take hours.
        on_all_hosts: Whether hosts that are not the first make it together with that one.
        of_folds: Whether it may read the models of a stage with `folds:`, as `trained_model` gives
            them.
        unit: What its time goes with: `steps`, or `rows` of what it reads; None: no time that a
            plan would tell of.
    """

    Options: ClassVar[type[StageOptions] | None] = None
    kind: ClassVar[str]
    revision: ClassVar[int] = 1
    gives: ClassVar[frozenset[str]] = frozenset()
    early: ClassVar[bool] = False
    on_all_hosts: ClassVar[bool] = False
    of_folds: ClassVar[bool] = False
    unit: ClassVar[str | None] = None

    def __init_subclass__(cls) -> None:
        if cls.Options is not None:
            cls.kind, cls.gives = cls.Options.kind, cls.Options.gives

    def reads_folds(self, role: str) -> bool:
        """Whether it may read the models of a stage with folds in a role; default: `of_folds`."""
        return self.of_folds

    @property
    def shown(self) -> bool:
        """Whether a run folder has a link to it, as to all that `stages:` names."""
        return self.Options is not None

    def node(self, graph: GraphBuilder, spec: Spec, name: str, options: Any) -> Node:
        """What the graph has for a stage of a spec. By default it rests on the stages and corpora
        that its options name, by the place where they stand (`average.0`, `data.0.of`), and on all
        else that was chosen; a kind that declares a model of its own says it itself.

        Args:
            graph: Gives the nodes that it rests on.
            spec: The resolved spec.
            name: The stage's name in it.
            options: Its options.
        """
        inputs, identity = {}, plain(options, without={"on_failed_check"})
        for path, named, to in options.named(options.model_dump(mode="json", by_alias=True)):
            found = graph.corpus if to == "corpus" else graph.stage
            inputs[".".join(map(str, path))] = found(spec, named)
            _blank(identity, path)
        for option, kind in options.of_kinds():
            chosen = getattr(options, option)
            revision = raised(kind, chosen and chosen.kind)
            identity |= {f"{option}_{key}": number for key, number in revision.items()}
        label = graph.label(spec, name, seed_of(inputs))
        return Node(self.kind, label, spec, options, inputs, identity)

    def trained(self, node: Node) -> Node:
        """Of a kind that gives a model: the training, or checkpoint, whose model, terms, tokenizers
        and corpora those of the node's model are like. Its weights are the node's own."""
        if hasattr(node.options, "train"):
            return node
        return next(child for child in node.inputs.values() if "model" in child.gives).trained

    def plan(self, node: Node, planned: Planned) -> dict[str, Any]:
        """What is known of a node before it is made, for `tfkd plan`: texts by the names of
        `planned.CELLS`, and bytes: of its result as `disk`, of a step's memory as `peak`. By
        default the parameters of a model that is like another stage's."""
        if "model" not in self.gives or node.trained is node:
            return {}
        row = node.trained.stage.plan(node.trained, planned)
        return {name: row[name] for name in row if name == "parameters"}

    def lower_cased(self, node: Node, field: str) -> bool:
        """Of a kind that gives a corpus: whether a field of it is known to be in lower case."""
        return False

    def warnings(self, node: Node, summary: dict[str, Any]) -> list[str]:
        """What a reader of the results must know of a result, by its summary."""
        return summary.get("warnings", [])

    def refuse_unready(self, node: Node) -> None:
        """Raises UserError where it cannot be made on this machine, before anything is: a package
        is not installed, say."""

    def shards(self, node: Node, folder: StageFolder, context: Context) -> Shards | None:
        """The part of the work that can be made in shards, by several processes; None: there is
        none. Whatever of it is there `run` finds, and makes the rest: it is the same without them.
        What makes shards knows nothing of kinds, and no kind knows what makes them."""
        return None

    def run(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        """Makes the result, in `folder.path`; what it keeps in `folder.scratch` until then, it
        finds there when it is started again after a stop.

        Returns:
            The summary for manifest and results.json, in plain values; `brief` is a line for the
            terminal.
        """
        raise NotImplementedError(f"{type(self).__name__}.run")


def _blank(identity: Any, path: tuple[Any, ...]) -> None:
    """Takes a name out of an identity: what stands behind it is an input."""
    *way, last = path
    with contextlib.suppress(KeyError):  # one at its default is not in there
        for key in way:
            identity = identity[key]
        identity[last] = None
