"""What all encoder-decoders share: the way of a batch through them, and decoding with caches."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import tensorflow as tf

from tfkd.layers.length_predictor import LengthPredictor
from tfkd.layers.masks import causal_penalty, key_penalty
from tfkd.layers.portable import is_portable
from tfkd.layers.stack import Stack
from tfkd.models.heads import Columns
from tfkd.models.language_model import LanguageModel, States

Memories = dict[str, dict[str, tf.Tensor]]
Side = Mapping[str, tf.Tensor]


def check_attention(attention: str) -> None:
    """Refuses what is no kind of a decoder's attention.

    Raises:
        ValueError: Neither "causal" nor "full".
    """
    if attention not in ("causal", "full"):
        raise ValueError(
            "Invalid value for argument `decoder_attention`. Expected 'causal' or 'full'. "
            f"Received: decoder_attention={attention!r}"
        )


class EncoderDecoder(LanguageModel):
    """An encoder whose last states a decoder attends to.

    Called with a pair record `{"source": {"ids", "valid"}, "target": {"ids", "valid"}}` it returns
    "encoder.embedding", "encoder.layer_1", ..., "encoder.hidden", "decoder.embedding",
    "decoder.layer_1", ..., "decoder.hidden" and "hidden" (the decoder's), each
    `[batch, length, width]`; with a length predictor "length_logits" `[batch, lengths]` too.
    Optional keys: `positions` on both sides, and `memory_valid` on the source: the encoder states
    that the decoder may see (MASS), where that differs from `valid`.

    A causal decoder makes one token after the other (`start`, `step`); one that sees both sides
    fills in all hidden tokens at once (`prepare`, `fill`), and knows how many there are by its
    length predictor.

    A subclass sets the attributes below and has `embed`.

    Attributes:
        encoder_stack: The encoder's blocks.
        decoder_stack: The decoder's blocks.
        causal: Whether a target token sees earlier ones alone.
        lengths: A `LengthPredictor`, whose [LENGTH] the encoder reads in front of each source; its
            state is cut off. None: none.
        max_length: Positions that the model knows.
        leads: By side, "encoder" and "decoder", the id of a token that the model itself puts before
            what it reads. Nothing is predicted there, and no state of it is returned, but the
            decoder attends to it: BART's `<s>` before a source and `</s>` before a target's start.
        shortlist: The pieces that it writes of, a `tfkd.decoding.Shortlist`, which all that decodes
            by it goes by; None: all.
    """

    input_layout = "encoder_decoder"

    causal: bool
    lengths: LengthPredictor | None
    max_length: int
    leads: Mapping[str, int] = MappingProxyType({})
    shortlist: Any = None

    @property
    def encoder_stack(self) -> Stack:
        """The encoder's blocks."""
        raise NotImplementedError

    @property
    def decoder_stack(self) -> Stack:
        """The decoder's blocks."""
        raise NotImplementedError

    def embed(self, side: str, record: Side, training: bool) -> tf.Tensor:
        """The embedded tokens of a side, "encoder" or "decoder": `[batch, length, width]`."""
        raise NotImplementedError

    def call(
        self,
        record: Mapping[str, Side],
        memories: Memories | None = None,
        training: bool = False,
    ) -> States:
        """Returns the states of a pair record.

        Args:
            record: `source` and `target`, each `ids` int32 `[batch, length]` and `valid` bool alike
                (optional); padding is at the end. Other keys are ignored. Without a target the
                encoder runs alone.
            memories: What adapters read beside it, see `tfkd.layers.hooks`.
            training: Whether dropout is on.
        """
        encoded = self.encode(record["source"], memories, training)
        lengths = encoded.pop("length_logits", None)
        states = {f"encoder.{name}": state for name, state in encoded.items() if name != "led"}
        if lengths is not None:
            states["length_logits"] = lengths
        if "target" not in record:
            return states
        target = self._led("decoder", record["target"])
        decoder_memories = self._memories(record["source"], encoded, memories)
        embedded = self.embed("decoder", target, training)
        decoded = self.decoder_stack(
            embedded, self._penalty(target), memories=decoder_memories, training=training
        )
        shown = self._shown_attention()
        if "decoder" in self.leads:
            embedded = embedded[:, 1:]
            decoded = {name: state[:, 1:] for name, state in decoded.items()}
            shown = {name: one[:, :, 1:] for name, one in shown.items()}
        return {
            **states,
            **shown,
            "decoder.embedding": embedded,
            **{f"decoder.{name}": state for name, state in decoded.items()},
            "hidden": decoded["hidden"],
        }

    def encode(
        self, source: Side, memories: Memories | None = None, training: bool = False
    ) -> States:
        """Runs the encoder alone: "embedding", "layer_1", ..., "hidden" at the source's tokens, and
        "length_logits" float32 `[batch, lengths]` with a length predictor; with a lead "led", the
        last states with that of the lead."""
        source = self._led("encoder", source)
        embedded = self.embed("encoder", source, training)
        seen = source.get("valid")
        if self.lengths is not None:
            embedded = self.lengths.prepend(embedded)
            seen = None if seen is None else _seen_too(seen)
        penalty = self._source_penalty(tf.shape(embedded)[1], seen)
        states = self.encoder_stack(embedded, penalty, memories=memories, training=training)
        states = {"embedding": embedded, **states}
        if "encoder" in self.leads:
            cut = {name: state[:, 1:] for name, state in states.items()}
            return {**cut, "led": states["hidden"]}
        if self.lengths is None:
            return states
        logits = self.lengths(states["hidden"][:, 0])
        return {**{name: state[:, 1:] for name, state in states.items()}, "length_logits": logits}

    def start(self, source: Side, memories: Memories | None = None) -> dict[str, Any]:
        """Encodes the sources and returns the state that decoding starts from.

        Every tensor of it has the batch first, so beams may gather its rows. The keys and values of
        the decoder start with no steps and grow by one a step.

        Raises:
            ValueError: The decoder sees both sides; it fills in all tokens at once.
        """
        if not self.causal:
            raise ValueError(
                f"model {self.name!r} sees both sides of a target token: it cannot make one after "
                "the other. Decode with mask_predict (`tfkd.decoding.MaskPredict`)"
            )
        memories = self._memories(source, self.encode(source, memories), memories)
        caches = self.decoder_stack.start(tf.shape(source["ids"])[0], memories)
        if "decoder" in self.leads:
            ids = tf.fill(tf.shape(source["ids"][:, :1]), self.leads["decoder"])
            first = {"ids": ids, "positions": tf.zeros([1], tf.int32)}
            hidden = self.embed("decoder", first, False)
            _, caches = self.decoder_stack.step(hidden, caches, memories)
        return {"caches": caches, "memories": self._needed(memories)}

    def step(
        self,
        ids: tf.Tensor,
        state: dict[str, Any],
        index: int | tf.Tensor,
        max_length: int | None = None,
        columns: Columns | None = None,
    ) -> tuple[tf.Tensor, dict[str, Any]]:
        """Feeds one token a row and returns the logits of the next.

        Args:
            ids: int32 `[batch]`: the tokens at position `index`.
            state: From `start` or the step before.
            index: Position of `ids`, counted from 0.
            max_length: Not needed, since caches grow; taken for callers that know it.
            columns: Of the head: logits are those of these pieces alone.

        Returns:
            float32 `[batch, vocabulary_size]` and the new state.
        """
        del max_length
        position = tf.reshape(tf.cast(index, tf.int32), [1]) + ("decoder" in self.leads)
        hidden = self.embed("decoder", {"ids": ids[:, None], "positions": position}, False)
        hidden, caches = self.decoder_stack.step(
            hidden, state["caches"], state["memories"], self._step_penalty(position)
        )
        logits = self.head.logits(hidden[:, 0], columns)
        return logits, {"caches": caches, "memories": state["memories"]}

    def prepare(
        self, source: Side, memories: Memories | None = None
    ) -> tuple[tf.Tensor, dict[str, Any]]:
        """Encodes the sources for decoding in parallel.

        Returns:
            The lengths' logits float32 `[batch, lengths]`, and the state that `fill` reads, of
            which every tensor has the batch first.

        Raises:
            ValueError: The decoder is causal, or there is no length predictor.
        """
        if self.causal:
            raise ValueError(
                f"model {self.name!r} makes one token after the other: its decoder is causal. "
                "Decode with beam or greedy search"
            )
        if self.lengths is None:
            raise ValueError(
                f"model {self.name!r} predicts no length, so that nothing tells how many tokens to "
                "fill in. Build it with a length predictor (`lengths=1024`)"
            )
        encoded = self.encode(source, memories)
        memories = self._memories(source, encoded, memories)
        projected = self.decoder_stack.project(memories)
        state = {"projected": projected, "memories": self._needed(memories)}
        return encoded["length_logits"], state

    def fill(self, target: Side, state: dict[str, Any]) -> tf.Tensor:
        """The last states of whole targets, of which some tokens are hidden.

        Args:
            target: `ids` int32 and `valid` bool `[rows, length]`.
            state: From `prepare`, a row each.

        Returns:
            `[rows, length, width]`: what the head reads.
        """
        embedded = self.embed("decoder", target, False)
        states = self.decoder_stack(
            embedded,
            self._penalty(target),
            memories=state["memories"],
            projected=state["projected"],
        )
        return states["hidden"]

    def _shown_attention(self) -> States:
        """What the decoder's layers have just attended to in the source, of those that show it:
        "decoder.attention_N" float32 `[batch, heads, target, source]`."""
        found = {}
        for number, block in enumerate(self.decoder_stack.blocks, 1):
            attention = getattr(block, "cross_attention", None)
            if getattr(attention, "shows", False):
                found[f"decoder.attention_{number}"] = attention.shown
                object.__setattr__(attention, "shown", None)
        return found

    def _led(self, side: str, record: Side) -> Side:
        """What a side reads, with the token that the model puts in front."""
        if side not in self.leads:
            return record
        ids = tf.convert_to_tensor(record["ids"])
        lead = tf.fill(tf.shape(ids[:, :1]), tf.constant(self.leads[side], ids.dtype))
        found = {**record, "ids": tf.concat([lead, ids], 1)}
        if "valid" in record:
            found["valid"] = _seen_too(record["valid"])
        if "positions" in record:
            places = tf.convert_to_tensor(record["positions"])
            found["positions"] = tf.concat([tf.zeros_like(places[..., :1]), places + 1], -1)
        return found

    def _source_penalty(self, length: tf.Tensor, seen: tf.Tensor | None) -> tf.Tensor | None:
        """What the encoder may not see (see `tfkd.layers.masks`)."""
        return None if seen is None else key_penalty(seen, self.compute_dtype)

    def _step_penalty(self, position: tf.Tensor) -> tf.Tensor | None:
        """What of the keys so far a step at this position, int32 `[1]`, may not see; None: all."""
        return None

    def _penalty(self, target: Side) -> tf.Tensor | None:
        if self.causal:
            return causal_penalty(tf.shape(target["ids"])[1], self.compute_dtype)
        return key_penalty(target["valid"], self.compute_dtype) if "valid" in target else None

    def _memory(self, source: Side, encoded: States) -> dict[str, tf.Tensor]:
        seen = source.get("memory_valid", source.get("valid"))
        if seen is None:
            seen = tf.ones_like(source["ids"], tf.bool)
        seen = _seen_too(seen) if "encoder" in self.leads else seen
        hidden = encoded.get("led", encoded["hidden"])
        return {"hidden": hidden, "mask": key_penalty(seen, self.compute_dtype)}

    def _memories(self, source: Side, encoded: States, memories: Memories | None) -> Memories:
        return {**(memories or {}), "encoder": self._memory(source, encoded)}

    def _needed(self, memories: Memories) -> Memories:
        """What decoding reads again and again: the masks; adapters may read the states too."""
        if self.decoder_stack.has_adapters:
            return memories
        return {"encoder": {"mask": memories["encoder"]["mask"]}}


def _seen_too(valid: tf.Tensor) -> tf.Tensor:
    """With one more that is seen in front."""
    if is_portable():
        return tf.concat([tf.ones_like(valid[:, :1]), valid], axis=1)
    return tf.pad(valid, [[0, 0], [1, 0]], constant_values=True)
