"""What a starter has to say of a published teacher, read from its folder."""

from pathlib import Path

from tfkd.data.strict_json import read_json
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
        said = read_json(path / "config.json")
    except (OSError, ValueError) as error:
        raise UserError(
            f"--teacher: {folder}/config.json cannot be read ({error}); expected the folder of a "
            "published BERT or GPT-2, as `save_pretrained` writes it"
        ) from None
    kind = said.get("model_type") if isinstance(said, dict) else None
    register_builtins()
    known = {entry.name: entry.options for entry in registry.entries("model")
             if entry.options.published is not None}  # fmt: skip
    if kind not in known:
        raise UserError(
            f"--teacher: {folder}/config.json has model_type {kind!r}; expected a "
            f"{' or a '.join(known)}"
        )
    options = known[kind]
    theirs = registry.load_target(options.published).config(path)
    kept = {}
    for name, value in theirs.items():
        known = options.model_fields.get(name)
        always = name in ("layers", "width", "heads", "max_length")
        if known is not None and name not in FREE and (always or value != known.default):
            kept[name] = value
    kept = {name: value for name, value in kept.items() if value is not None}
    return Published(folder, kind, kept, _lower_case(path), options.is_causal)


def _lower_case(folder: Path) -> bool:
    """Whether a published tokenizer lower-cases: as it says, else as its pieces do."""
    path = folder / "tokenizer_config.json"
    said = read_json(path) if path.exists() else {}
    if isinstance(said, dict) and isinstance(said.get("do_lower_case"), bool):
        return said["do_lower_case"]
    if not (folder / "vocab.txt").exists():
        return False
    pieces = (folder / "vocab.txt").read_text("utf-8").split("\n")
    return not any(piece != piece.lower() for piece in pieces if not piece.startswith("["))
