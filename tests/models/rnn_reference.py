"""An RNN encoder-decoder in NumPy, float64, a token at a time: one loop over rows, no batches."""

import numpy as np

from tfkd.models import variables_by_path


def weights_of(model):
    """The weights by path, float64."""
    return {
        path: v.value.numpy().astype(np.float64) for path, v in variables_by_path(model).items()
    }


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(weights, prefix, x, hidden, cell):
    """One step; the four blocks of columns are input, forget, output and candidate."""
    z = x @ weights[f"{prefix}/kernel"] + weights[f"{prefix}/bias"]
    z = z + hidden @ weights[f"{prefix}/recurrent_kernel"]
    i, f, o, g = np.split(z, 4)
    cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(cell), cell


def read(weights, prefix, rows):
    """All states of one direction, and the last hidden state and cell."""
    width = len(weights[f"{prefix}/recurrent_kernel"])
    hidden, cell, states = np.zeros(width), np.zeros(width), []
    for x in rows:
        hidden, cell = lstm(weights, prefix, x, hidden, cell)
        states.append(hidden)
    return np.array(states), hidden, cell


def encode(weights, source, layers):
    """The last layer's states of one source, and what each layer ends with."""
    table = weights.get("embedding/table", weights.get("source_embedding/table"))
    rows, ends = table[source], []
    for number in range(1, layers + 1):
        prefix = f"encoder/layer_{number}"
        states, hidden, cell = read(weights, f"{prefix}/forward", rows)
        if f"{prefix}/backward/kernel" in weights:
            other, last, cells = read(weights, f"{prefix}/backward", rows[::-1])
            states = np.concatenate([states, other[::-1]], 1)
            hidden, cell = np.concatenate([hidden, last]), np.concatenate([cell, cells])
        rows = states
        ends.append((hidden, cell))
    return rows, ends


def logits(model, source, target, seen=None):
    """float64 `[len(target), V]` of one pair of lists of ids; `seen` says what is attended to."""
    weights = weights_of(model)
    layers = sum(path.endswith("forward/bias") for path in weights)
    states, held = encode(weights, source, layers)
    if seen is not None:
        states = states[seen]
    table = weights.get("embedding/table", weights.get("target_embedding/table"))
    matrix = weights.get("head/matrix", table)
    feed, out = np.zeros(table.shape[1]), []
    for token in target:
        x = np.concatenate([table[token], feed])
        for number in range(layers):
            held[number] = lstm(weights, f"decoder/layer_{number + 1}", x, *held[number])
            x = held[number][0]
        scores = states @ weights["decoder/keys/kernel"] @ x
        shares = np.exp(scores - scores.max())
        context = (shares / shares.sum()) @ states
        feed = np.tanh(np.concatenate([context, x]) @ weights["decoder/combine/kernel"])
        out.append(feed @ matrix.T + weights.get("head/bias", 0))
    return np.array(out)
