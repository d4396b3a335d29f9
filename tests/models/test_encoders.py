"""Published encoders against a second implementation, and folders that do not fit."""

import json

import encoder_reference as reference
import numpy as np
import pytest
import tensorflow as tf
from rings import few
from safetensors.numpy import load_file, save_file

from tfkd.models import load_published
from tfkd.models.published.architectures import open_published
from tfkd.spec.errors import UserError

IDS = np.array([[2, 7, 11, 3, 18, 5, 3], [2, 9, 3, 14, 3, 0, 0]])
TYPES = np.array([[0, 0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 0, 0]])
VALID = np.arange(7) < np.array([7, 5])[:, None]
KINDS = {"words": ("masked_lm",), "classes": ("classifier",), "tokens": ("classifier",), "none": ()}


@pytest.mark.parametrize("head", few(KINDS, 0))
@pytest.mark.parametrize("family", reference.FAMILIES)
def test_logits_equal_an_independent_computation(family, head, tmp_path):
    tensors = reference.write_folder(tmp_path, family, head)
    published = open_published(tmp_path)
    assert published.heads() == KINDS[head]
    model = load_published(tmp_path, heads=published.heads())
    record = {"ids": tf.constant(IDS, tf.int32), "types": tf.constant(TYPES, tf.int32)}
    found = model({**record, "valid": tf.constant(VALID)})["hidden"]
    if head == "classes":
        found = found[:, 0]
    for kind in published.heads():
        found = model.heads[kind].logits(found)
    # A model of one token type, or none, reads a pair as it reads a text.
    expected = reference.computed(family, head, tensors, IDS, TYPES, VALID)
    seen = slice(None) if head == "classes" else VALID
    np.testing.assert_allclose(found.numpy()[seen], expected[seen], atol=1e-4)


@pytest.fixture
def folder(tmp_path):
    reference.write_folder(tmp_path, "roberta", "classes")
    return tmp_path


def changed(folder, change):
    tensors = load_file(folder / "model.safetensors")
    save_file(change(dict(tensors)), folder / "model.safetensors")


def loaded(folder, heads=("classifier",)):
    return load_published(folder, heads=heads)


def test_classes_have_the_names_that_the_folder_gives(folder):
    assert open_published(folder).labels() == ["class 0", "class 1", "class 2"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id2label": {"0": "a", "1": "b"}}, "names 2 classes .*has 3 rows"),
        ({"id2label": {"0": "a", "1": "a", "2": "b"}}, "two classes one name"),
        ({"problem_type": "regression"}, "problem_type is 'regression'"),
        ({"problem_type": "multi_label_classification"}, "several classes at once"),
        (
            {"model_type": "deberta-v2"},
            "'deberta-v2'; expected one of albert, bart, bert, .*xlm-roberta",
        ),
        ({"auto_map": {"AutoModel": "code.Model"}}, "auto_map .*not executed"),
        ({"hidden_act": "swish"}, "hidden_act is 'swish'"),
        ({"num_hidden_layers": 3}, r"encoder\.layer\.2\..* is not there"),
        ({"num_hidden_layers": 1}, r"encoder\.layer\.1\..* is of no part of it"),
        ({"vocab_size": 24}, r"word_embeddings.weight is \(23, 12\).*expected \(24, 12\)"),
        ({"architectures": ["RobertaForMaskedLM"]}, "no head over classes"),
    ],
)
def test_what_config_json_says_otherwise_is_refused(folder, changes, said):
    reference.write_folder(folder, "roberta", "classes", **changes)
    with pytest.raises(UserError, match=said):
        loaded(folder)


def test_a_head_is_never_made_up(folder):
    with pytest.raises(UserError, match=r"no word-prediction head .*it has classifier"):
        loaded(folder, ("masked_lm",))
    changed(folder, lambda tensors: {k: v for k, v in tensors.items() if "dense.bias" not in k})
    with pytest.raises(UserError, match=r"classifier\.dense\.bias is not there"):
        loaded(folder)


def test_weights_that_are_no_numbers_are_refused(folder):
    name = "roberta.encoder.layer.1.output.dense.weight"

    def spoiled(tensors):
        tensors[name] = tensors[name].copy()
        tensors[name][0, :2] = np.nan, np.inf
        return tensors

    changed(folder, spoiled)
    with pytest.raises(UserError, match=rf"model.safetensors: {name} has 2 of 240 numbers"):
        loaded(folder)


def test_parts_that_are_missing_are_named(folder):
    tensors = sorted(load_file(folder / "model.safetensors").items())
    (folder / "model.safetensors").unlink()
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    for name, part in zip(names, (tensors[:9], tensors[9:]), strict=True):
        save_file(dict(part), folder / name)
    loaded(folder)
    weight_map = {key: names[place >= 9] for place, (key, _) in enumerate(tensors)}
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": weight_map}))
    loaded(folder)
    (folder / names[1]).unlink()
    first = tensors[9][0]
    with pytest.raises(
        UserError, match=rf"{names[1]}: this part is missing; .*first of them {first}"
    ):
        loaded(folder)
    index.unlink()
    with pytest.raises(UserError, match=rf"{names[1]}: this part is missing; expected 2"):
        loaded(folder)


def test_pickles_are_named_with_a_way_out(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"pickled \(pytorch_model.bin\).*save_pretrained"):
        loaded(folder)
