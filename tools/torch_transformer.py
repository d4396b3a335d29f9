"""The same encoder-decoder in PyTorch, as a user would write it: what bench_training compares with.

Scaled-dot-product attention of PyTorch, fused Adam, tied embeddings, post-LN, one fused projection
for queries, keys and values: the same sizes, dropout places, batches and masks as tfkd's.
"""

import math

import torch
from torch import nn
from torch.nn import functional


class Attention(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        return x.view(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)

    def forward(self, x, memory=None, mask=None, causal=False):
        if memory is None:
            q, k, v = self.qkv(x).chunk(3, -1)
        else:
            q, (k, v) = self.q(x), self.kv(memory).chunk(2, -1)
        out = functional.scaled_dot_product_attention(
            self._split(q), self._split(k), self._split(v), attn_mask=mask, is_causal=causal,
            dropout_p=self.dropout if self.training else 0.0,
        )  # fmt: skip
        return self.out(out.transpose(1, 2).reshape(x.shape))


class Block(nn.Module):
    def __init__(self, width, heads, feed_forward, dropout, cross: bool):
        super().__init__()
        self.attention = Attention(width, heads, dropout)
        self.cross = Attention(width, heads, dropout) if cross else None
        self.up, self.down = nn.Linear(width, feed_forward), nn.Linear(feed_forward, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width, 1e-6) for _ in range(3 if cross else 2))
        self.drop = nn.Dropout(dropout)

    def forward(self, x, mask=None, causal=False, memory=None, memory_mask=None):
        x = self.norms[0](x + self.drop(self.attention(x, mask=mask, causal=causal)))
        if self.cross is not None:
            x = self.norms[2](x + self.drop(self.cross(x, memory, mask=memory_mask)))
        return self.norms[1](x + self.drop(self.down(self.drop(functional.relu(self.up(x))))))


class Transformer(nn.Module):
    def __init__(self, vocabulary, layers, width, heads, feed_forward, dropout):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.embedding.weight, std=width**-0.5)
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        make = [width, heads, feed_forward, dropout]
        self.encoder = nn.ModuleList(Block(*make, cross=False) for _ in range(layers))
        self.decoder = nn.ModuleList(Block(*make, cross=True) for _ in range(layers))
        self.drop = nn.Dropout(dropout)
        half = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
        angle = torch.arange(512)[:, None] * half
        self.register_buffer("positions", torch.cat([angle.sin(), angle.cos()], -1))

    def _embed(self, ids):
        x = self.embedding(ids) * math.sqrt(self.embedding.embedding_dim)
        return self.drop(x + self.positions[: ids.shape[1]])

    def forward(self, source, source_valid, target):
        mask = source_valid[:, None, None, :]
        x = self._embed(source)
        for block in self.encoder:
            x = block(x, mask=mask)
        y = self._embed(target)
        for block in self.decoder:
            y = block(y, causal=True, memory=x, memory_mask=mask)
        return y

    def loss(self, batch, soft=None, alpha=0.5, temperature=10.0, smoothing=0.1):
        """Mean cross-entropy, mixed with top-K soft targets where `soft` (ids, logs) is given."""
        source, source_valid, target, labels, valid = batch
        hidden = self(source, source_valid, target)[valid]
        logits = functional.linear(hidden, self.embedding.weight, self.bias).float()
        gold = labels[valid]
        if soft is None:
            return functional.cross_entropy(logits, gold, label_smoothing=smoothing)
        log_p = logits.log_softmax(-1)
        nll = functional.nll_loss(log_p, gold)
        hard = (1 - smoothing) * nll - smoothing * log_p.mean()
        ids, teacher = soft
        teacher = (teacher[valid].float() / temperature).softmax(-1)
        kd = -(teacher * log_p.gather(-1, ids[valid])).sum(-1).mean()
        return (1 - alpha) * hard + alpha * kd
