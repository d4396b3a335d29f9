"""What a graph takes from the data folder: the files that a spec names, found and hashed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfkd.data.files import sha256_of
from tfkd.data.text.corpora import source_hashes
from tfkd.outside.regular_files import readable
from tfkd.pipeline.engine.identity import repeated, vocabulary_identity
from tfkd.pipeline.inputs.own_folders import own_identity
from tfkd.pipeline.inputs.published import check_checkpoint, checkpoint_files, checkpoint_folder
from tfkd.pipeline.plan.pages import source_names, told_where, vocabulary_names
from tfkd.spec import Spec


class DataFolder:
    """Finds and hashes what a spec names, for the fingerprints of what is read of it.

    `spec` is the resolved spec that names it, `data_dir` the folder that paths are relative to.

    Attributes:
        planning: Whether a large checkpoint's `config.json` is enough, since nothing will run.
    """

    planning = False

    def corpus(
        self, spec: Spec, name: str, chosen: Mapping[str, Any], data_dir: Path
    ) -> dict[str, Any]:
        """What a corpus's identity says of its files.

        Args:
            spec: The spec.
            name: The corpus.
            chosen: What the identity says of its options.
            data_dir: The data folder.

        Raises:
            UserError: A file is missing, or sides are of unequal lengths.
        """
        options = spec.data[name]
        with told_where(spec.pages, source_names(options)):
            hashes = source_hashes(options, data_dir)
        found: dict[str, Any] = {"sources": list(hashes.values())}
        for paths in ("text", "parallel", "tsv", "csv", "conll", "jsonl", "parquet"):
            if paths in chosen:
                # The bytes count, not where they lie; a file that is read twice counts twice.
                places = repeated(chosen[paths], list(hashes), data_dir)
                found[paths] = places or True
        if "saved_dataset" in chosen:
            found["saved_dataset"], found["split"] = True, None
        if "lines" in chosen:
            files = chosen["lines"]
            places = repeated(list(files.values()), list(hashes), data_dir)
            found["lines"] = [list(files), places or True]
        return found

    def vocabulary(self, spec: Spec, name: str, data_dir: Path) -> Any:
        """What the identity of a tokenizer that is read says of its files.

        Raises:
            UserError: There is no such file.
        """
        options = spec.tokenizers[name]
        with told_where(spec.pages, vocabulary_names(options)):
            return vocabulary_identity(name, options, data_dir)

    def stores(self, spec: Spec, name: str, data_dir: Path) -> Any:
        """What the identity of a targets stage says of the user's own stores.

        Raises:
            UserError: One is missing, or not whole.
        """
        return own_identity(spec.stages[name].targets.store, data_dir, f"stages.{name}.targets")

    def checkpoint(self, spec: Spec, name: str, data_dir: Path) -> Any:
        """What the identity of a load stage says of its files.

        Raises:
            UserError: There is no such folder, or it holds another model.
        """
        options = spec.stages[name]
        with told_where(spec.pages, [options.load]):
            folder = checkpoint_folder(options.load, data_dir)
        model = spec.models[options.into]
        if self.planning and model.large and not any(folder.glob("*.safetensors")):
            check_checkpoint(folder, name, options, model, weights=False)
            return [sha256_of(folder / "config.json"), "without weights"]
        check_checkpoint(folder, name, options, model)
        with readable(folder, f"stages.{name}.load"):
            return [sha256_of(path) for path in checkpoint_files(folder)]


class PlannedFolder(DataFolder):
    """The same, of what is planned alone."""

    planning = True
