"""A finished run, made again from its folder: what is missing of its end, by the same spec."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfkd.data.checksummed import read_checksummed
from tfkd.pipeline.engine.run import DONE
from tfkd.pipeline.engine.run import run as run_spec
from tfkd.pipeline.engine.run_folder import ORIGIN, RESULTS, run_name
from tfkd.pipeline.inputs.other_files import OtherFiles
from tfkd.spec import load_spec
from tfkd.spec.errors import UserError, no_such_folder
from tfkd.spec.options import NoiseOptions
from tfkd.spec.registry import UNNAMED_STAGES


def make_again(
    run: Path,
    plugins: Sequence[str] = (),
    noise: NoiseOptions | None = None,
    say: Callable[[str], None] | None = None,
    on: OtherFiles | None = None,
) -> dict[str, Any]:
    """Runs a run's spec again without training: what is missing of its end is made.

    What is stored is not decoded anew.

    Args:
        run: The run folder.
        plugins: Modules that register classes: all those of the run. A folder says which they are,
            and imports none.
        noise: Measured in each evaluation, instead of what the spec says; None: what that says.
        say: Called with a line for each stage that is made; None: nothing is said.
        on: Files that models are scored on, and the run's own results are left as they are; None:
            the corpora that the spec names.

    Returns:
        The content of results.json, or, with `on`, of the one in `other_results.place_on`.

    Raises:
        UserError: The folder is no run folder, its plugins are not named, or a model is not trained
            yet.
    """
    if not os.path.lexists(run):
        raise UserError(no_such_folder(run, "a run folder like runs/NAME"))
    try:
        origin = read_checksummed(run / ORIGIN, required=False)
        unnamed = [str(module) for module in origin["plugins"] if module not in plugins]
        data_dir, smoke = Path(origin["data_dir"]), origin["smoke"]
        given = {key: origin[key] for key in ("variant", "overrides")}
        given["elsewhere"] = True  # of --all-variants
        # A plugin is code: it is imported where the user names it, never because a folder does.
        spec = None if unnamed else load_spec(origin["spec"], plugins=plugins, **given)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{run} is no run folder of tfkd ({ORIGIN}: {error}); expected one like runs/NAME. "
            f"tfkd run SPEC writes {ORIGIN} anew"
        ) from error
    if spec is None:
        raise UserError(
            f"{run} was made with plugins, which are code, and a run folder imports none. If you "
            f"trust them, name them: {' '.join(f'--plugin {module}' for module in unnamed)}"
        )
    name = run_name({"name": spec.name + ("-smoke" if smoke else ""), "variant": spec.variant})
    folder = run.resolve()
    if folder.name != name:
        raise UserError(
            f"{run} is the run of {name}, renamed, or {origin['spec']} has another name since; "
            f"rename it back to {folder.parent / name}"
        )
    try:
        command = read_checksummed(run / RESULTS, required=False)["command"]
    except (OSError, ValueError, KeyError, TypeError):
        command = ""
    return run_spec(
        spec,
        data_dir=data_dir,
        runs_dir=folder.parent,
        smoke=smoke,
        command=command,
        say=lambda line: None if say is None or line.endswith(DONE) else say(line),
        make=UNNAMED_STAGES if on is not None else ("evaluate", "tune", "noise", "export"),
        noise=noise,
        on=on,
    )


def noise_options(given: Mapping[str, Any] | None) -> NoiseOptions | None:
    """The options of noise that is asked for beside a spec.

    Raises:
        UserError: They are no such options.
    """
    from pydantic import ValidationError

    if given is None:
        return None
    try:
        return NoiseOptions.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(f"noise: {place}: {first['msg']}") from error
