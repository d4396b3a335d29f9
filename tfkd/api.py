"""The three calls of `tfkd`'s Python side that cross the floors."""

from typing import Any


def run(spec: Any, told: set[str] | None = None, **settings: Any) -> dict[str, Any] | None:
    """Runs a spec whole and writes its report; see `tfkd.pipeline.engine.run.run` for the settings.

    Args:
        spec: A spec from `tfkd.load_spec`.
        told: Warnings that are not printed again, of variants that ran before; new ones join them.
        settings: Those of the run.
    """
    from pathlib import Path

    from tfkd.pipeline.engine.permissions import permitted
    from tfkd.pipeline.engine.run import run as run_stages
    from tfkd.pipeline.engine.run_folder import run_name
    from tfkd.report import write_report
    from tfkd.report.terminal import closing_words
    from tfkd.spec.printable import say

    results = run_stages(spec, **settings)
    if results is not None:
        folder = Path(settings.get("runs_dir", "runs")) / run_name(results)
        with permitted(folder.parent):
            write_report([results], folder / "report.html")
        settings.get("say", say)(closing_words(results, folder, told))
    return results


def run_again(run: Any, plugins: Any = (), noise: Any = None, say: Any = None) -> dict[str, Any]:
    """Makes what is missing of a trained run's scores and exports; writes its report anew.

    Args:
        run: The run folder.
        plugins: Modules that register classes: all those of the run.
        noise: `{"sigma": [...], "draws": 5, "seed": 1, "metrics": [...]}`: metrics under noise on
            the parameters, of each evaluation that has them, by default those that need no outputs;
            None: as the spec says.
        say: Called with a line for each stage that is made; None: nothing is said.

    Returns:
        The content of results.json.

    Raises:
        UserError: The folder is no run folder, its plugins are not named, a model is not trained
            yet, or the noise is no such mapping.
    """
    from pathlib import Path

    from tfkd.pipeline.engine.permissions import permitted
    from tfkd.pipeline.engine.run_again import make_again, noise_options
    from tfkd.report import write_report

    results = make_again(Path(run), plugins, noise_options(noise), say)
    with permitted(Path(run).absolute().parent):
        write_report([results], Path(run) / "report.html")
    return results


def build(
    spec: Any,
    sizes: dict[str, int] | None = None,
    classes: int | dict[str, int] | None = None,
) -> dict[str, Any]:
    """The Keras models that a spec declares, by name, freshly initialised.

    They give their states by name; heads make logits of these. `tfkd.training.Distiller(model,
    terms)` trains them by `compile` and `fit`, as `tfkd.run` does. What a stage starts from and
    what it freezes is the stage's: see `tfkd.models.load_weights` and `freeze`.

    Args:
        spec: A spec from `tfkd.load_spec`; with `variant=` there, the models are that variant's.
        sizes: Vocabulary sizes by tokenizer; a learnt tokenizer's asked-for size by default. One
            that is read needs its own.
        classes: How many classes a model with `head: {kind: classifier}` tells apart, of all or by
            the model's name. They are learnt from labels when a stage runs: here they are to be
            said. Such a model has a head over words as well where a stage of the spec trains one.

    Returns:
        `keras.Model` by name: `teacher`, `student`, or `teacher.NAME`.

    Raises:
        ValueError: A size or a number of classes is not given, or is of what the spec lacks.
    """
    from tfkd.pipeline.inputs.declared_models import build_models

    return build_models(spec, sizes, classes)
