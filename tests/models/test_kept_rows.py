"""Published models of some of their pieces: the rows that are kept, and the logits of these."""

import encoder_reference
import numpy as np
import pytest
import rotary_reference

from tfkd.models import safetensors_files as files
from tfkd.models.published.architectures import open_published
from tfkd.models.published.loading import load_model
from tfkd.spec.errors import UserError

pytestmark = pytest.mark.tensorflow
KEPT = np.array([0, 1, 2, 3, 4, 9, 7, 11, 21])


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("block", [5, 1 << 20])
def test_a_llama_s_logits_are_those_of_the_rows_that_are_kept(tmp_path, monkeypatch, tied, block):
    monkeypatch.setattr(files, "_BLOCK", block)
    config, tensors = rotary_reference.write_folder(
        tmp_path, "llama", tie_word_embeddings=tied, vocab_size=29
    )
    model = load_model(open_published(tmp_path), (), kept=KEPT)
    assert model.vocabulary_size == len(KEPT)
    ids = np.array([2, 5, 8, 6, 0, 7])
    wanted = rotary_reference.logits(config, tensors, KEPT[ids])[:, KEPT]
    np.testing.assert_allclose(model.logits(ids[None])[0], wanted, atol=2e-4)


def test_a_roberta_s_too_with_its_bias(tmp_path):
    tensors = encoder_reference.write_folder(tmp_path, "roberta", "words")
    kept = KEPT[len(tensors["lm_head.bias"]) > KEPT]
    model = load_model(open_published(tmp_path), ("masked_lm",), kept=kept)
    ids = np.array([[2, 5, 4, 6]])
    wanted = encoder_reference.computed(
        "roberta", "words", tensors, kept[ids], ids * 0, np.ones(ids.shape, bool)
    )[..., kept]
    np.testing.assert_allclose(model.logits(ids.astype(np.int32)), wanted, atol=2e-4)


def test_rows_that_the_config_does_not_say_are_refused(tmp_path):
    rotary_reference.write_folder(tmp_path, "llama")
    text = (tmp_path / "config.json").read_text().replace('"vocab_size": 23', '"vocab_size": 22')
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError, match=r"embed_tokens.weight is \(23, 12\).*expected \(22, 12\)"):
        load_model(open_published(tmp_path), (), kept=KEPT)
