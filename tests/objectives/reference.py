"""Losses over the vocabulary and their gradients, in NumPy float64, with all logits at once."""

import numpy as np


def log_softmax(z):
    z = z - z.max(-1, keepdims=True)
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


def smoothed(gold, size, rate, form, padding=0):
    """The label distribution [N, V]."""
    q = np.zeros((len(gold), size))
    rows = np.arange(len(gold))
    if form == "fairseq":
        q += rate / size
        q[rows, gold] += 1 - rate
    else:
        q += rate / (size - 2)
        q[:, padding] = 0
        q[rows, gold] = 1 - rate
    return q


def cross_entropy(z, q):
    """Loss [N] and gradient by z [N, V] of -sum q log softmax(z), for q of any mass."""
    log_p = log_softmax(z)
    return -(q * log_p).sum(-1), np.exp(log_p) * q.sum(-1, keepdims=True) - q


def softened(log_probabilities, temperature):
    return np.exp(log_softmax(log_probabilities / temperature))


def scatter(ids, values, size):
    """[N, K] values at their ids in [N, V]."""
    out = np.zeros((len(ids), size))
    np.put_along_axis(out, ids, values, 1)
    return out


def numeric_gradient(function, z, step=1e-5):
    """d sum(function(z)) / dz by central differences."""
    out = np.zeros_like(z)
    for index in np.ndindex(z.shape):
        high, low = z.copy(), z.copy()
        high[index] += step
        low[index] -= step
        out[index] = (function(high).sum() - function(low).sum()) / (2 * step)
    return out


def distinct(rng, rows, k, size):
    """[rows, k] ids, no two the same in a row."""
    return np.argsort(rng.random((rows, size)), 1)[:, :k]
