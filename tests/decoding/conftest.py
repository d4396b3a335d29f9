"""A model that is a table: any distribution over next tokens, for each sentence and prefix."""

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

# The modules that tests share stand beside them.
sys.path.insert(0, str(Path(__file__).parent))


class TableModel:
    """logits = table[sentence, code of the prefix]; the code counts prefixes in base `size`."""

    start_id, end_id = 0, 1

    def __init__(self, sentences: int, size: int, longest: int, seed: int, sharpness: float = 2.0):
        codes = size ** (longest + 2)
        rng = np.random.default_rng(seed)
        self.size = size
        self.table = (sharpness * rng.normal(size=(sentences, codes, size))).astype(np.float32)

    def start(self, sentences) -> dict:
        """State: a constant tensor (which sentence) and two that change (one of them grows)."""
        sentences = tf.convert_to_tensor(sentences, tf.int32)
        grown = tf.zeros(
            [tf.size(sentences), 1, tf.raw_ops.PlaceholderWithDefault(input=0, shape=[])]
        )
        return {
            "constant": {"sentence": sentences},
            "code": tf.ones_like(sentences),
            "grown": grown,
        }

    def step(self, ids, state, index):
        """Reads the prefix from `grown` too: a search that mixes rows up is found out."""
        code = tf.where(index == 0, 1, state["code"] * self.size + ids)
        sentence = state["constant"]["sentence"]
        grown = tf.concat([state["grown"], tf.cast(ids, tf.float32)[:, None, None]], 2)
        digits = tf.cast(grown[:, 0, 1:], tf.int32)  # without the start
        powers = self.size ** tf.range(index, -1, -1)
        again = powers[0] + tf.reduce_sum(digits * powers[1:], 1)
        logits = tf.gather_nd(tf.constant(self.table), tf.stack([sentence, code], 1))
        logits = tf.where((again == code)[:, None], logits, float("nan"))
        return logits, {"constant": state["constant"], "code": code, "grown": grown}

    def log_probabilities(self, sentence: int, prefix, forbidden) -> np.ndarray:
        """float64 `[size]` after a prefix (a sequence of tokens)."""
        code = 1
        for token in prefix:
            code = code * self.size + token
        logits = self.table[sentence, code].astype(np.float64)
        logits[list(forbidden)] = -np.inf
        logits -= logits.max()
        return logits - np.log(np.exp(logits).sum())

    def exhaustive(
        self, sentence: int, longest: int, alpha: float, forbidden, least: int = 0
    ) -> list:
        """All `(score, tokens, log p)` of at least so many tokens, best first."""
        early = [[*forbidden, self.end_id]] * min(least, longest)
        banned = [*early, *[forbidden] * (longest + 1)]
        words = [w for w in range(self.size) if w != self.end_id and w not in forbidden]
        found = []
        for length in range(len(early), longest + 1):
            for tokens in itertools.product(words, repeat=length):
                total = sum(
                    self.log_probabilities(sentence, tokens[:i], banned[i])[token]
                    for i, token in enumerate((*tokens, self.end_id))
                )
                found.append((total / ((5 + length + 1) / 6) ** alpha, tokens, total))
        return sorted(found, key=lambda each: -each[0])

    def plain_beam(self, sentence, longest, alpha, forbidden, beam) -> list:
        """The definition of `beam_search` in a plain loop, without stopping early."""
        live, finished = [(0.0, ())], []
        for index in range(longest + 1):
            extended = [
                (total + log_p, (*tokens, token))
                for total, tokens in live
                for token, log_p in enumerate(self.log_probabilities(sentence, tokens, forbidden))
                if log_p > -np.inf
            ]
            extended.sort(key=lambda each: -each[0])
            ends = extended if index == longest else extended[:beam]
            finished += [
                (total / ((5 + index + 1) / 6) ** alpha, tokens[:-1], total)
                for total, tokens in ends
                if tokens[-1] == self.end_id
            ]
            live = [each for each in extended if each[1][-1] != self.end_id][:beam]
        return sorted(finished, key=lambda each: -each[0])


@pytest.fixture(scope="session")
def table_model() -> type[TableModel]:
    """The class of table models."""
    return TableModel
