"""`tfkd.open_rows`: a corpus as a student reads it, for a teacher of the user's own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfkd.data.text.remote_files import copies_in
from tfkd.outside.printable import logged
from tfkd.outside.printable import say as print_line
from tfkd.pipeline.engine.builder import GraphBuilder
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.permissions import permitted
from tfkd.pipeline.engine.run import execute
from tfkd.pipeline.inputs.data_folder import DataFolder
from tfkd.pipeline.inputs.own_rows import Rows
from tfkd.spec import Spec
from tfkd.spec.errors import UserError, nearest
from tfkd.training.deadline import Deadline, stopping


class _NotYet(DataFolder):
    """Knows no store of the user's: it is about to be written."""

    def stores(self, spec: Spec, name: str, data_dir: Path) -> None:
        return None


def open_rows(
    spec: Spec,
    stage: str,
    corpus: str | None,
    data_dir: Path,
    runs_dir: Path,
    say: Callable[[str], None] | None,
) -> Rows:
    """See `tfkd.api.open_rows`; of a spec that is loaded."""
    options = spec.stages.get(stage)
    known = [name for name, one in spec.stages.items() if one.kind == "targets"]
    if stage not in known:
        kind = "is no stage" if options is None else f"is a {options.kind} stage"
        near = nearest(stage, known)
        raise UserError(
            f"{stage} {kind} of {spec.name}; expected a targets stage, "
            f"{', '.join(known) or 'like {targets: {store: FOLDER}, model: student, data: train}'}"
            + (f"; did you mean {near}?" if near else "")
        )
    names = [part.of for part in options.data]
    if (corpus is None and len(names) > 1) or (corpus is not None and corpus not in names):
        asked = "several corpora" if corpus is None else f"{corpus} is none"
        raise UserError(f"{stage}: {asked} of its data, {', '.join(names)}; name one as `corpus`")
    told = logged(say or print_line, "tfkd.run")
    deadline = Deadline()
    with stopping(deadline), copies_in(runs_dir, say=told):
        context = Context(data_dir, runs_dir, deadline, told)
        one = spec.with_seed(spec.seeds[0]) if spec.seeds else spec
        node = GraphBuilder(data_dir, one, _NotYet()).stage(one, stage)
        with permitted(runs_dir):
            context.stages.mkdir(parents=True, exist_ok=True)
            needed: list[Any] = in_order(node.inputs.values())
            for number, child in enumerate(needed, 1):
                execute(child, context, f"[{number}/{len(needed)}]")
            return Rows(node, names.index(corpus) if corpus else 0, context)
