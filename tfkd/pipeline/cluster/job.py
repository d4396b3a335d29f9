"""What another process must know to build a run's graph: names, paths and the spec, as text."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tfkd.data.hashes import Hashes, told_hashes
from tfkd.data.text.remote_files import copies_in
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.spec import Spec
from tfkd.spec.errors import UserError
from tfkd.spec.source.spec_files import Texts, holding


@dataclass(frozen=True)
class Job:
    """A run as others take part in it.

    Attributes:
        spec: The spec's file; nobody reads it again.
        data_dir: The data folder.
        runs_dir: The folder of runs.
        variant: The spec's variant.
        seed: The one of its seeds that it is bound to.
        until: The stage that it stops after.
        beside: Variants whose stages are made with its own.
        smoke: Whether every size is tiny.
        overrides: `K=V` each, beside the file.
        plugins: Modules that register classes.
        texts: What the run has read of the spec, of what it extends and of other specs that it
            names, by path.
        hashes: Those of data files, which are not read again where they are the same.
    """

    spec: str
    data_dir: str
    runs_dir: str
    variant: str | None = None
    seed: int | None = None
    until: str | None = None
    beside: list[str] = field(default_factory=list)
    smoke: bool = False
    overrides: list[str] = field(default_factory=list)
    plugins: list[str] = field(default_factory=list)
    texts: Texts = field(default_factory=dict)
    hashes: Hashes = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        spec: Spec,
        context: Context,
        until: str | None,
        texts: Texts,
        hashes: Hashes | None = None,
        beside: Sequence[str] = (),
    ) -> "Job":
        """The job of a run that holds these texts, and has noted these hashes; see
        `spec_files.holding` and `noting_hashes`."""
        made_here = os.path.join(os.path.realpath(context.runs_dir), "")
        return cls(
            spec=os.path.abspath(spec.path),
            data_dir=str(context.data_dir.resolve()),
            runs_dir=str(context.runs_dir.resolve()),
            variant=spec.variant,
            seed=spec.seed,
            until=until,
            beside=list(beside),
            smoke=spec.change is not None,
            overrides=list(spec.overrides),
            plugins=list(spec.plugins),
            texts=dict(texts),
            hashes={p: one for p, one in (hashes or {}).items() if not p.startswith(made_here)},
        )

    @classmethod
    def from_text(cls, text: str) -> "Job":
        """The job that `text` was made of."""
        return cls(**json.loads(text))

    @property
    def text(self) -> str:
        """The job as text."""
        return json.dumps(asdict(self))

    def context(self, say: Callable[[str], None] = lambda line: None) -> Context:
        """Its surroundings, where this process speaks to nobody, or by `say`."""
        return Context(Path(self.data_dir), Path(self.runs_dir), say=say)

    def nodes(self) -> dict[str, Node]:
        """The graph's nodes, by their keys.

        Raises:
            UserError: The data are not here, or are wrong.
        """
        from tfkd.pipeline.engine.seeds import wanted_of_all_seeds
        from tfkd.pipeline.plan.plugin_classes import import_named
        from tfkd.pipeline.plan.smoke import smoke_spec
        from tfkd.pipeline.scoring.failed_checks import in_checked_order
        from tfkd.spec import load_spec

        # Corpora of URLs are those that the run has copied.
        copies = copies_in(Path(self.runs_dir), ask=False)
        with holding(self.texts), told_hashes(self.hashes), copies:
            spec = load_spec(
                self.spec, variant=self.variant, overrides=self.overrides, plugins=self.plugins,
                seed=self.seed, elsewhere=True,
            )  # fmt: skip
            found: dict[str, Node] = {}
            for one in (spec, *map(spec.with_variant, self.beside)):
                asked = smoke_spec(one) if self.smoke else one
                plan = wanted_of_all_seeds(asked, Path(self.data_dir))
                for node in in_checked_order(plan, self.until):
                    found.setdefault(node.key, node)
        import_named({id(node.spec): node.spec for node in found.values()}.values())
        return found


def found_node(nodes: dict[str, Node], key: str) -> Node:
    """A node of a job's graph.

    Raises:
        UserError: There is none: the files here are not those of whoever asks for it.
    """
    if key not in nodes:
        raise UserError(
            f"the data give other stages here, and no {key}: they differ from those of the run, or "
            "have changed since it began. Give all machines the same files and the same "
            "installation, and the same command again"
        )
    return nodes[key]
