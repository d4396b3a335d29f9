"""Keys of other tools, and what says the same here."""

import re
from collections.abc import Collection
from typing import Any

# By our key: what others call it. A key stands in a mapping that has ours, or beside the mapping
# that has it: `learning_rate` of a stage is the `rate` of its `schedule`.
_OURS: dict[str, tuple[str, ...]] = {
    "rate": ("learning_rate", "lr", "peak_lr", "max_lr", "initial_learning_rate"),
    "warmup": ("warmup_steps", "num_warmup_steps", "warmup_ratio", "warmup_updates"),
    "size": ("batch_size", "train_batch_size", "vocab_size", "vocabulary_size", "max_tokens",
             "tokens_per_batch", "num_words"),
    "per_device": ("per_device_train_batch_size", "micro_batch_size", "gradient_accumulation_steps",
                   "accumulate_grad_batches", "accum_count", "update_freq"),
    "max_length": ("max_seq_length", "max_sequence_length", "max_len", "seq_len", "seq_length",
                   "model_max_length", "max_position_embeddings", "n_positions", "max_new_tokens",
                   "block_size", "max_source_length", "max_target_length"),
    "temperature": ("tau", "temp", "T", "kd_temperature", "softmax_temperature"),
    "weight": ("alpha", "lambda", "loss_weight", "beta", "coefficient"),
    "epochs": ("num_epochs", "num_train_epochs", "max_epochs", "n_epochs", "epoch"),
    "steps": ("max_steps", "num_steps", "train_steps", "num_train_steps", "total_steps",
              "max_updates", "max_update"),
    "schedule": ("lr_scheduler", "lr_scheduler_type", "scheduler", "learning_rate_schedule",
                 "decay_method"),
    "optimizer": ("optim", "optimiser"),
    "objective": ("loss", "losses", "criterion", "loss_function"),
    "train": ("model",),
    "data": ("dataset", "datasets", "train_data", "train_file", "corpus", "corpora"),
    "validate": ("eval", "evaluation", "evaluation_strategy", "eval_strategy",
                 "eval_data", "val_data", "validation", "valid"),
    "every": ("eval_every", "eval_steps", "evaluation_steps", "eval_interval",
              "val_check_interval", "interval", "frequency"),
    "patience": ("early_stopping", "early_stopping_patience"),
    "log_every": ("logging_steps", "log_interval", "report_every"),
    "save_every": ("save_steps", "save_checkpoint_steps", "checkpoint_every"),
    "clip_norm": ("max_grad_norm", "gradient_clip_val", "grad_clip", "clip", "clipnorm",
                  "global_clipnorm", "max_norm"),
    "weight_decay": ("decay", "l2"),
    "beta_1": ("beta1", "adam_beta1"),
    "beta_2": ("beta2", "adam_beta2"),
    "epsilon": ("eps", "adam_epsilon", "adam_eps"),
    "precision": ("fp16", "bf16", "mixed_precision", "dtype", "amp"),
    "width": ("hidden_size", "d_model", "n_embd", "embed_dim", "hidden_dim", "hidden_units",
              "model_dim", "rnn_size", "dim"),
    "heads": ("num_heads", "num_attention_heads", "n_head", "n_heads", "nhead"),
    "layers": ("num_layers", "num_hidden_layers", "n_layer", "n_layers", "depth"),
    "encoder_layers": ("num_encoder_layers", "enc_layers"),
    "decoder_layers": ("num_decoder_layers", "dec_layers"),
    "feed_forward": ("intermediate_size", "ffn_dim", "d_ff", "dim_feedforward", "filter_size",
                     "ffn_inner_dim", "n_inner"),
    "dropout": ("dropout_rate", "hidden_dropout_prob", "resid_pdrop", "drop"),
    "attention_dropout": ("attention_probs_dropout_prob", "attn_pdrop", "attn_dropout"),
    "activation": ("hidden_act", "activation_function"),
    "initializer_range": ("init_std", "initializer_std"),
    "label_smoothing": ("label_smoothing_factor", "smoothing_factor"),
    "lower_case": ("lowercase", "do_lower_case", "lower"),
    "beam": ("num_beams", "beam_size", "beam_width"),
    "top_k": ("topk", "k"),
    "licence": ("license",),
    "languages": ("language", "lang", "langs"),
    "p": ("mlm_probability", "mask_prob", "masking_rate", "masked_lm_prob"),
    "from": ("init_from", "pretrained", "checkpoint", "init_checkpoint", "resume_from"),
    "head": ("num_labels", "num_classes"),
    "header": ("has_header", "skip_header", "skip_first_line"),
    "delimiter": ("sep", "separator"),
    "learn_from": ("train_from", "training_files"),
}  # fmt: skip
# What holds a key that is looked for a mapping too high, and an example of it.
_WITHIN: dict[str, tuple[tuple[str, str], ...]] = {
    "rate": (("schedule", "schedule: {rate: 1e-3}"),),
    "warmup": (("schedule", "schedule: {warmup: 400}"),),
    "size": (("batch", "batch: {size: 32, unit: sentences}"),),
    "per_device": (("batch", "batch: {size: 4096, per_device: 1024}"),),
    "max_length": (("batch", "batch: {max_length: 128}, or max_length of the view"),),
    "temperature": (("objective", "objective: {soft_targets: {temperature: 2, ...}}"),),
    "weight": (("balance", "balance: {soft_targets: 0.5}, or weight of a term"),),
    "every": (("validate", "validate: {every: 500, ...}"),),
    "patience": (("validate", "validate: {patience: 5, ...}"),),
    "clip_norm": (("optimizer", "optimizer: {kind: adam, clip_norm: 1.0}"),),
    "weight_decay": (("optimizer", "optimizer: {kind: adam, weight_decay: 0.01}"),),
    "beta_1": (("optimizer", "optimizer: {kind: adam, beta_1: 0.9}"),),
    "beta_2": (("optimizer", "optimizer: {kind: adam, beta_2: 0.98}"),),
    "epsilon": (("optimizer", "optimizer: {kind: adam, epsilon: 1e-9}"),),
    "beam": (("decode", "decode: {kind: beam, beam: 4}"),),
    "layers": (("encoder_layers", "encoder_layers and decoder_layers"),),
    "top_k": (("decode", "decode: {kind: sample, top_k: 40}"),),
}  # fmt: skip
# Keys whose number is in another unit than ours, and the unit that a batch of theirs has.
_OTHER_UNITS = ("gradient_accumulation_steps", "accumulate_grad_batches", "accum_count",
                "update_freq", "val_check_interval")  # fmt: skip
_OF_TOKENS = ("max_tokens", "tokens_per_batch")
# What stands beside the mapping that it is looked for in, by the mapping's key.
_BESIDE: dict[str, tuple[str, ...]] = {
    "rate": ("optimizer", "batch", "validate"),
    "warmup": ("optimizer",),
    "schedule": ("optimizer",),
    "weight_decay": ("schedule",),
    "clip_norm": ("schedule",),
    "epochs": ("batch", "schedule"),
    "steps": ("batch", "schedule"),
}
# Of a whole spec: where it says what others say at its top.
_AT_TOP: dict[str, tuple[str, ...]] = {
    "student: {kind: transformer, ...}, and teacher": ("model", "models", "network", "net"),
    "data: {train: {text: FILE}, ...}": ("dataset", "datasets", "corpus", "corpora", "train_data",
        "train_file", "inputs", "files"),
    "tokenizers: {NAME: {kind: wordpiece, ...}}": ("tokenizer", "vocab", "vocabulary"),
    "stages: {NAME: {train: student, ...}}": ("train", "training", "trainer", "pipeline", "stage",
        "steps", "epochs", "learning_rate", "lr", "batch_size", "batch", "optimizer", "schedule",
        "objective", "loss", "training_arguments", "args"),
    "evaluate: [{of: STAGE, on: test, metrics: [...]}]": ("evaluation", "eval", "metrics", "test"),
    "seeds, or seed of a stage": ("seed", "random_seed"),
    "runtime: {devices: 2, ...}": ("hardware", "devices", "strategy"),
    "tfkd run --runs-dir FOLDER": ("output_dir", "save_dir", "log_dir"),
}  # fmt: skip
_BY_THEIRS = {theirs: ours for ours, names in _OURS.items() for theirs in names}


def ours_for(key: str, known: Collection[str], within: str | None = "", value: Any = None) -> str:
    """What a key of another tool is called here, as far as it is plain; else an empty text.

    Args:
        key: It, as it was written: capitals and hyphens count for nothing.
        known: The keys of the mapping that it stands in.
        within: The mapping's own key; None: the spec itself.
        value: What stands there: a number is kept in what is proposed.
    """
    plain = key.lower().replace("-", "_")
    if within is None:
        return next((ours for ours, theirs in _AT_TOP.items() if plain in theirs), "")
    ours = _BY_THEIRS.get(key) or _BY_THEIRS.get(plain) or plain
    if ours in known:
        return ours if ours != key else ""
    places = _WITHIN.get(ours, ())
    found = next((example for holder, example in places if holder in known), "")
    if not found and within in _BESIDE.get(ours, ()):
        example = next((example for _, example in places), ours)
        found = f"{example} beside {within}"
    if plain in _OF_TOKENS:
        found = found.replace("sentences", "max_tokens")
    if type(value) in (int, float) and abs(value) < 1e12 and plain not in _OTHER_UNITS:
        found = re.sub(rf"\b({re.escape(ours)}: )[0-9.e-]+", rf"\g<1>{value!r}", found)
    return found
