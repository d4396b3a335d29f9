"""A model that fills in by a table: any words at any place, for each sentence and filled target."""

import numpy as np
import tensorflow as tf

PAD, UNKNOWN, START, END, MASK = range(5)


class Specials:
    pad_id, unknown_id, start_id, end_id, mask_id = PAD, UNKNOWN, START, END, MASK
    special_ids = (PAD, UNKNOWN, START, END, MASK)

    def __init__(self, size):
        self.size = size


class _Head:
    """The identity: what the model gives are logits already."""

    def __init__(self, size):
        self.width = size

    def transform(self, hidden):
        return hidden

    def matrix(self):
        return tf.eye(self.width)

    def bias(self):
        return None


class FillingTable:
    """logits = table[sentence, code of the whole target, place]; lengths have a table too.

    What stands beyond a row's length must not count: a search that shows it is found out by NaN.
    """

    codes, places = 97, 24

    def __init__(self, sentences, size, lengths, seed, sharpness=3.0):
        rng = np.random.default_rng(seed)
        self.vocabulary_size, self.max_length = size, self.places
        self.head = _Head(size)
        shape = (sentences, self.codes, self.places, size)
        self.table = (sharpness * rng.normal(size=shape)).astype(np.float32)
        self.lengths = rng.normal(size=(sentences, lengths)).astype(np.float32)
        self.weights = rng.integers(1, self.codes, self.places)
        self.rows_seen = 0

    def prepare(self, source):
        sentences = tf.convert_to_tensor(source["ids"])[:, 0]
        return tf.gather(self.lengths, sentences), {"sentence": sentences}

    def fill(self, target, state):
        ids, valid = target["ids"], target["valid"]
        width = tf.shape(ids)[1]
        weights = tf.constant(self.weights, tf.int32)[:width]
        code = tf.reduce_sum(tf.where(valid, (ids + 1) * weights, 0), 1) % self.codes
        rows = tf.gather_nd(tf.constant(self.table), tf.stack([state["sentence"], code], 1))
        padding_is_padding = tf.reduce_all(valid | (ids == PAD))
        return tf.where(padding_is_padding, rows[:, :width], float("nan"))

    def words(self, sentence, filled, forbidden=()):
        """float64 `[length, size]`: log-probabilities at every place."""
        code = int(((np.array(filled) + 1) * self.weights[: len(filled)]).sum() % self.codes)
        logits = self.table[sentence, code, : len(filled)].astype(float)
        logits[:, list(forbidden)] = -np.inf
        logits -= logits.max(-1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def sentence_by_sentence(model, sentence, limit, search, specials):
    """Mask-Predict written from the papers, a sentence and a candidate at a time.

    Returns:
        For each candidate, best first: (score, tokens without what ends them, sum of log p).
    """
    if limit == 0:
        return [(0.0, [], 0.0)]
    forbidden = [PAD, UNKNOWN, START, MASK] if search.forbid_specials else []
    logits = model.lengths[sentence]
    possible = [n for n in range(1, len(logits)) if n <= limit + 1]
    likely = sorted(possible, key=lambda n: -logits[n])[: search.length_candidates]
    found = []
    for length in dict.fromkeys(max(length, 2) for length in likely):
        rows = model.words(sentence, [MASK] * length, forbidden)
        tokens = rows.argmax(-1)
        sure = rows.max(-1)
        last = search.iterations + (1 if search.passes == "one_more" else 0)
        for t in range(1, last):
            n = max(1, (length * (search.iterations - t)) // search.iterations)
            worst = np.argsort(sure, kind="stable")[:n]
            shown = tokens.copy()
            shown[worst] = MASK
            rows = model.words(sentence, shown, forbidden)
            new = tokens.copy()
            new[worst], sure[worst] = rows.argmax(-1)[worst], rows.max(-1)[worst]
            same = (new == tokens).all()
            tokens = new
            if search.stop_when_stable and same:
                break
        total = sure.sum()
        by_length = ((5 + length) / 6) ** search.length_penalty
        score = total / (length if search.choose_by == "mean" else by_length)
        output = []
        for token in tokens:
            if token in (END, START):
                break
            output.append(int(token))
        found.append((score, output, total))
    return sorted(found, key=lambda each: -each[0])
