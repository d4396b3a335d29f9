"""TensorFlow data sets: read where they are prepared, refused at once where they are not."""

import shutil
import socket
import threading

import numpy as np
import pytest

from tfkd.data.json_values import as_label
from tfkd.data.text import tfds_source
from tfkd.data.text.corpora import open_corpus, source_hashes
from tfkd.data.text.sources import Fault, pick
from tfkd.spec.errors import UserError
from tfkd.spec.options.corpora import TfdsOptions

FIELDS = {"source": "translation/de", "target": "translation/en"}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    import tensorflow_datasets as tfds

    folder = tmp_path_factory.mktemp("tfds")
    text = tfds.features.Text()
    rows = [
        (n, {"translation": {"de": f"Satz {n}", "en": f"Sentence {n}"}, "label": n % 2})
        for n in range(20)
    ]
    tfds.dataset_builders.store_as_tfds_dataset(
        name="small_translate",
        version="1.0.0",
        features=tfds.features.FeaturesDict(
            {
                "translation": {"de": text, "en": text},
                "label": tfds.features.ClassLabel(num_classes=2),
            }
        ),
        split_datasets={"train": rows},
        data_dir=folder,
        disable_shuffling=True,
    )
    return folder


@pytest.mark.tensorflow
def test_a_prepared_data_set_is_read_without_a_network(prepared, monkeypatch):
    monkeypatch.setattr(tfds_source, "reachable", lambda *_, **__: pytest.fail("network asked"))
    options = TfdsOptions(tfds="small_translate", fields=FIELDS | {"label": "label"})
    corpus = open_corpus(options, prepared)
    rows = list(corpus)
    assert corpus.fields == ("source", "target", "label")
    assert rows == [(f"Satz {n}", f"Sentence {n}", str(n % 2)) for n in range(20)]
    assert rows == list(corpus)
    assert any(name.endswith("dataset_info.json") for name in source_hashes(options, prepared))
    part = TfdsOptions(tfds="small_translate", split="train[:5]", fields=FIELDS)
    assert len(list(open_corpus(part, prepared))) == 5


@pytest.mark.tensorflow
def test_unknown_splits_and_features_are_named(prepared):
    with pytest.raises(UserError, match="no split `test`; it has train"):
        list(
            open_corpus(TfdsOptions(tfds="small_translate", split="test", fields=FIELDS), prepared)
        )
    options = TfdsOptions(tfds="small_translate", fields={"text": "translation/fr"}, on_bad="stop")
    with pytest.raises(UserError, match="no `translation/fr`"):
        list(open_corpus(options, prepared))


def test_without_a_network_the_reason_is_said_at_once(tmp_path, monkeypatch):
    over = threading.Event()

    def hanging(*_, **__):
        over.wait()
        raise OSError("no name server answered")

    monkeypatch.setattr(socket, "create_connection", hanging)
    assert not tfds_source.reachable(("nowhere.invalid", 443), seconds=0.1)
    over.set()
    monkeypatch.setattr(tfds_source, "reachable", lambda *_, **__: False)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    with pytest.raises(UserError, match=r"wmt14_translate/de-en.*not prepared.*tfds build"):
        open_corpus(TfdsOptions(tfds="wmt14_translate/de-en", fields=FIELDS), tmp_path)


def test_configurations_must_be_said_where_there_are_several(tmp_path):
    for config in ("de-en", "cs-en"):
        folder = tmp_path / "wmt" / config / "1.9.0"
        folder.mkdir(parents=True)
        (folder / "dataset_info.json").write_text("{}")
    with pytest.raises(UserError, match="say wmt/cs-en"):
        tfds_source.find_or_fetch("wmt", tmp_path)
    assert tfds_source.find_or_fetch("wmt/de-en", tmp_path).parent.name == "de-en"
    newer = tmp_path / "wmt" / "de-en" / "1.10.0"
    newer.mkdir()
    (newer / "dataset_info.json").write_text("{}")
    assert tfds_source.find_or_fetch("wmt/de-en", tmp_path) == newer
    assert tfds_source.find_or_fetch("wmt/de-en:1.9.0", tmp_path).name == "1.9.0"


@pytest.mark.tensorflow
def test_a_damaged_data_set_is_named(prepared, tmp_path):
    folder = tmp_path / "small_translate"
    shutil.copytree(prepared / "small_translate", folder)
    (record,) = folder.glob("*/*.tfrecord*")
    record.write_bytes(record.read_bytes()[:-10] + bytes(10))
    options = TfdsOptions(tfds="small_translate", fields=FIELDS)
    with pytest.raises(UserError, match=r"tfds:small_translate/train:\d+: .*cannot be read"):
        list(open_corpus(options, tmp_path))
    (folder / "1.0.0" / "features.json").write_text("{")
    with pytest.raises(UserError, match=r"small_translate.* cannot be read"):
        list(open_corpus(options, tmp_path))


def test_booleans_are_labels_and_no_text():
    example = tfds_source._plain({"toxic": np.bool_(True), "text": np.bool_(False)})
    assert pick(example, ["toxic"], labels={0: as_label}) == ("true",)
    assert pick(example, ["text"]) == Fault("`text` is not text")


@pytest.mark.parametrize(
    "features",
    [
        '{"pythonClassName": "some_module.Feature"}',
        '{"featuresDict": {"features": {"a": {"python_class_name": "some_module.Feature"}}}}',
        '{"type": "some_module.Feature", "content": {}}',
        r'{"jsonFeature": {"json": "{\"feature\": {\"type\": \"some_module.Feature\"}}"}}',
    ],
)
def test_a_data_set_imports_no_module_that_it_names(tmp_path, monkeypatch, features):
    (tmp_path / "some_module.py").write_text("raise SystemExit('ran')\n")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "features.json").write_text(features)
    with pytest.raises(UserError, match=r"features\.json names 'some_module\.Feature'"):
        next(iter(tfds_source.TfdsReader(tmp_path, "foreign", "train", ["a"])))


def test_data_sets_whose_code_others_offer_are_not_fetched(tmp_path):
    with pytest.raises(UserError, match="run code of others"):
        tfds_source.find_or_fetch("huggingface:wmt14/de-en", tmp_path)
