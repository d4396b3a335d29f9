"""Training stages: a model, its objective, its batches, and the loop."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfkd.data.batch_plan import BatchPlan
from tfkd.data.batcher import Batcher
from tfkd.data.files import write_atomically
from tfkd.data.views import build_view
from tfkd.pipeline.context import Context
from tfkd.pipeline.graph import Node
from tfkd.pipeline.inputs import (
    StoredTargets,
    example_set,
    model_options,
    named_tokenizers,
    tokenizers_of,
)
from tfkd.pipeline.models import model_of, save_model
from tfkd.pipeline.stage_folder import StageFolder
from tfkd.pipeline.text_stages import place

WEIGHTS = "weights.safetensors"


def run_train(node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
    """Trains a model to the end of its steps; continues from the newest checkpoint."""
    import keras

    from tfkd.objectives import build_terms
    from tfkd.training import Distiller, train
    from tfkd.training.optimizers import build_optimizer
    from tfkd.training.schedules import build_schedule

    options, spec = node.options, node.spec
    keras.utils.clear_session(free_memory=True)
    tokenizers = named_tokenizers(node, context)
    examples = example_set(
        node, "data", [(part.of, part.weight, part.swap) for part in options.data], context
    )
    terms = build_terms(options.objective)
    views = {
        term.view: build_view(spec.views.get(term.view), term.view, tokenizers, model_options(node))
        for term in terms
    }
    main_view = views[terms[0].view]
    plan = BatchPlan(
        main_view.lengths(examples), options.batch, seed=options.seed, weights=examples.weights
    )
    stores = {
        options.objective[role.partition(".")[2]].teacher: StoredTargets(
            _open_stores(child, context), [node.inputs[f"data.{i}"].key for i in range(len(options.data))]
        )
        for role, child in node.inputs.items()
        if role.startswith("teacher.") and child.kind == "score"
    }
    batcher = Batcher(examples, views, plan, stores)
    model = model_of(node, context, policy=options.precision)
    distiller = Distiller(model, terms)
    validate = _validation(node, context) if options.validate_ is not None else None
    result = train(
        distiller,
        batcher,
        steps=options.steps,
        optimizer=build_optimizer(options.optimizer),
        schedule=build_schedule(options.schedule, options.steps, width=model_options(node)),
        folder=folder.scratch,
        validate=validate,
        validate_every=options.validate_.every if options.validate_ else None,
        keep=options.validate_.keep if options.validate_ else "last",
        seed=options.seed,
        log_every=options.log_every,
        save_every_seconds=options.save_every,
        time_limit=context.deadline,
        progress=context.terminal,
    )
    write_atomically(folder.path / "history.jsonl", Path(result.history).read_bytes())
    save_model(model, folder.path / WEIGHTS)
    return {}
