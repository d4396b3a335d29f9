"""Pairs behind a prompt, scored by published teachers, against transformers (extra `oracle`)."""

import numpy as np
import pytest

from tfkd.models.published.architectures import open_published
from tfkd.models.published.loading import load_model
from tfkd.objectives import predictor
from tfkd.targets import Header, StoreWriter, score_text

from .fakes import SPECIALS
from .test_prompted import END, PROMPTS, START, TARGETS, PromptedView, pairs

pytestmark = [pytest.mark.oracle, pytest.mark.tensorflow]
SIZES = {"vocab_size": 31, "initializer_range": 0.3, "bos_token_id": 1, "eos_token_id": 2}


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_the_top_k_is_that_of_transformers(tmp_path, kind):
    transformers, torch = pytest.importorskip("transformers"), pytest.importorskip("torch")
    torch.manual_seed(3)
    if kind == "llama":
        config = transformers.LlamaConfig(
            hidden_size=16, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            intermediate_size=24, max_position_embeddings=32, **SIZES,
        )  # fmt: skip
    else:
        config = transformers.GPT2Config(n_embd=16, n_layer=2, n_head=4, n_positions=32, **SIZES)
    theirs = transformers.AutoModelForCausalLM.from_config(config).eval()
    theirs.save_pretrained(tmp_path / "published")
    model = load_model(open_published(tmp_path / "published"), ())
    writer = StoreWriter(tmp_path / "store", Header("c", "v", 31, 6, 3))
    store = score_text(predictor(model, 6), pairs(), PromptedView("t", SPECIALS), writer)
    found, nll, count = store.take(np.arange(3), 6), 0.0, 0
    for row, (prompt, target) in enumerate(zip(PROMPTS, TARGETS, strict=True)):
        with torch.no_grad():
            logits = theirs(torch.tensor([[START, *prompt, *target]])).logits[0, len(prompt) :]
        log_p = torch.log_softmax(logits.double(), -1).numpy()
        order = np.argsort(-log_p, 1)[:, :6]
        rows = slice(0, len(target) + 1)
        np.testing.assert_array_equal(found["ids"][row, rows], order)
        np.testing.assert_allclose(
            found["log_probabilities"][row, rows], np.take_along_axis(log_p, order, 1), atol=4e-3
        )
        gold = [*target, END]
        nll -= log_p[np.arange(len(gold)), gold].sum()
        count += len(gold)
    assert store.metrics["loss"] == pytest.approx(nll / count, rel=1e-5)
