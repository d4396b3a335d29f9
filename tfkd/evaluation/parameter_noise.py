"""How a model bears noise on its parameters: flat minima bear more (LightPAFF, section 6.2)."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

import numpy as np


class Variable(Protocol):
    """What is perturbed: a Keras or TensorFlow variable."""

    def numpy(self) -> np.ndarray: ...

    def assign(self, value: Any) -> Any: ...


class NamedTensor(NamedTuple):
    """A variable, and how many of the model's named tensors it holds.

    Attributes:
        variable: The variable, `[..., blocks * n]`.
        blocks: Named tensors side by side along its last axis: query, key and value, fused, are
            three.
    """

    variable: Variable
    blocks: int = 1


def noise(values: np.ndarray, sigma: float, normal: np.ndarray, blocks: int = 1) -> np.ndarray:
    """mean(theta of its named tensor) * sigma * z: what is added to each parameter.

    Args:
        values: `[..., blocks * n]`, the parameters.
        sigma: Standard deviation of the noise, relative to the mean, which keeps its sign.
        normal: z of the form of `values`, drawn from N(0, 1).
        blocks: Named tensors along the last axis.

    Returns:
        float64 of the form of `values`.

    Raises:
        ValueError: The last axis has no such number of blocks of one size.

    Reference: LightPAFF, section 6.2: theta_i(sigma) = theta_i + mean(theta_l) * N(0, sigma^2).
    """
    values = np.asarray(values, np.float64)
    if blocks < 1 or (blocks > 1 and (not values.ndim or values.shape[-1] % blocks)):
        raise ValueError(
            "Invalid value for argument `blocks`. Expected a divisor of the last axis. Received: "
            f"blocks={blocks}, values of shape {values.shape}"
        )
    if not values.size:
        return values
    parted = values.reshape((-1, blocks, values.shape[-1] // blocks if values.ndim else 1))
    means = parted.mean(axis=(0, 2))[:, None]
    return (means * sigma * np.reshape(normal, parted.shape)).reshape(values.shape)


def directions(name: str, shape: Sequence[int], *, seed: int, draw: int) -> np.ndarray:
    """z of one tensor, float64 N(0, 1): a function of (seed, draw, name), and of nothing else.

    So a draw is one direction, which each sigma goes along by its own length.
    """
    digest = hashlib.sha256(name.encode("utf-8")).digest()[:16]
    words = np.frombuffer(digest, "<u4").tolist()
    return np.random.default_rng([seed, draw, *words]).standard_normal(tuple(shape))


@contextmanager
def perturbed(
    tensors: Mapping[str, NamedTensor], sigma: float, *, seed: int = 1, draw: int = 0
) -> Iterator[None]:
    """Within the block the variables have noise on them; after it, be it left by an exception or
    an interruption, their old values bit for bit. A sigma of 0 changes nothing.

    Args:
        tensors: The parameters by name; variables of no floating type stay as they are.
        sigma: See `noise`.
        seed: Of the noise, 0 or more.
        draw: Its number, from 0.

    Example:
        blocks = blocks_by_path(model)  # of tfkd.models.named_tensors
        tensors = {
            path: NamedTensor(variable, blocks[path])
            for path, variable in variables_by_path(model).items()
        }
        with perturbed(tensors, 0.1, seed=1, draw=0):
            found = evaluate(model)

    Raises:
        ValueError: Sigma is negative or not finite.
    """
    if not (np.isfinite(sigma) and sigma >= 0):
        raise ValueError(
            f"Invalid value for argument `sigma`. Expected 0 or more. Received: sigma={sigma}"
        )
    kept: dict[str, np.ndarray] = {}
    if sigma:
        found = {name: np.array(tensor.variable.numpy()) for name, tensor in tensors.items()}
        kept = {name: values for name, values in found.items() if values.dtype.kind not in "iub"}
    try:
        for name, values in kept.items():
            variable, blocks = tensors[name]
            normal = directions(name, values.shape, seed=seed, draw=draw)
            added = noise(values, sigma, normal, blocks)
            variable.assign((values.astype(np.float64) + added).astype(values.dtype))
        yield
    finally:
        _restore(tensors, kept)


def _restore(tensors: Mapping[str, NamedTensor], kept: Mapping[str, np.ndarray]) -> None:
    try:
        for name, values in kept.items():
            tensors[name].variable.assign(values)
    except BaseException:  # interrupted once more, half way
        for name, values in kept.items():
            tensors[name].variable.assign(values)
        raise


class OverDraws(NamedTuple):
    """A metric under several draws of noise.

    Attributes:
        mean: Over the draws.
        std: Their standard deviation, by draws - 1; None for a single one.
        values: One a draw.
    """

    mean: float
    std: float | None
    values: list[float]

    @classmethod
    def of(cls, values: Sequence[float]) -> "OverDraws":
        """Of one value or more; one that is not finite makes both not finite."""
        found = np.asarray(values, np.float64)
        std = None
        if len(found) > 1:
            with np.errstate(invalid="ignore"):
                std = float(found.std(ddof=1))
        return cls(float(found.mean()), std, found.tolist())
