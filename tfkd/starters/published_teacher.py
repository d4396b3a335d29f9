"""What a starter has to say of a published teacher, read from its folder."""

from pathlib import Path

from tfkd.data.tokenizers.published_files import tokenizer_files
from tfkd.models.published.architecture import CLASSIFIER
from tfkd.models.published.architectures import open_published
from tfkd.models.published.description import tokenizer_options
from tfkd.pipeline.inputs.published import FREE, checkpoint_folder
from tfkd.spec import registry
from tfkd.spec.builtins import register_builtins
from tfkd.spec.errors import UserError
from tfkd.starters.user_sets import Published

_ALWAYS = ("layers", "encoder_layers", "decoder_layers", "width", "heads", "max_length")


def published_teacher(folder: str, data_dir: Path) -> Published:
    """A published model, as far as a spec has to say what it is.

    Raises:
        UserError: There is no such folder, or nothing that is known in it.
    """
    path = checkpoint_folder(folder, data_dir, "--teacher")
    register_builtins()
    try:
        published = open_published(path)
        options = registry.lookup("model", published.kind).options
        kept = {}
        for name, value in published.options().items():
            known = options.model_fields.get(name)
            said = name in _ALWAYS or (known is not None and value != known.default)
            if known is not None and name not in FREE and value is not None and said:
                kept[name] = value
        heads = published.heads()
        if "target_lead" in published.leaves:
            raise UserError(f"{folder} is {published.title}, which is read in Python alone")
        tokenizer_files(path, published.tokenizer)
        if CLASSIFIER in heads:
            published.head_options(CLASSIFIER)
        return Published(
            folder=folder,
            kind=published.kind,
            title=published.title,
            options=kept,
            tokenizers=tokenizer_options(published, folder),
            causal=options.is_causal,
            words=bool({*heads} - {CLASSIFIER}),
            translates="translation" in heads,
            reads=published.tokenizer_of(),
            labels=tuple(published.labels() or ()) if CLASSIFIER in heads else (),
            of_texts=published.of_texts(),
            activation=published.head_activation(),
        )
    except UserError as error:
        raise UserError(f"--teacher: {error}") from None
