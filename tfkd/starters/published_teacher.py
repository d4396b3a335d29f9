"""What a starter has to say of a published teacher, read from its folder."""

from pathlib import Path

from tfkd.data.tokenizers.published_files import lower_cased
from tfkd.models.published.architectures import open_published
from tfkd.pipeline.inputs.published import FREE, checkpoint_folder
from tfkd.spec import registry
from tfkd.spec.builtins import register_builtins
from tfkd.spec.errors import UserError
from tfkd.starters.user_sets import Published


def published_teacher(folder: str, data_dir: Path) -> Published:
    """A published model, as far as a spec has to say what it is.

    Raises:
        UserError: There is no such folder, or no BERT or GPT-2 in it.
    """
    path = checkpoint_folder(folder, data_dir, "--teacher")
    try:
        published = open_published(path)
    except UserError as error:
        raise UserError(f"--teacher: {error}") from None
    if published.model_type != published.kind:
        raise UserError(
            f"--teacher: {folder} is {published.title}, for which no starter is written yet; "
            "expected a bert or a gpt2. `tfkd inspect FOLDER` shows what to write for it"
        )
    register_builtins()
    kind = published.kind
    options = registry.lookup("model", kind).options
    theirs = published.options()
    kept = {}
    for name, value in theirs.items():
        known = options.model_fields.get(name)
        always = name in ("layers", "width", "heads", "max_length")
        if known is not None and name not in FREE and (always or value != known.default):
            kept[name] = value
    kept = {name: value for name, value in kept.items() if value is not None}
    return Published(folder, kind, kept, lower_cased(path), options.is_causal)
