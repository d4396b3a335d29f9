"""The beginning of specs of a small translator of everyday sentences."""


def everyday(name: str, width: int = 8, **rows: int) -> str:
    """Corpora of so many rows each, by name, a tokenizer of `train`, and a student."""
    corpora = "".join(
        f"  {corpus}: {{generated: everyday, rows: {number}, seed: {seed}}}\n"
        for seed, (corpus, number) in enumerate(rows.items(), 3)
    )
    return f"""\
tfkd: 1
name: {name}
data:
{corpora}tokenizers: {{joint: {{kind: wordpiece, size: 200, learn_from: train}}}}
student:
  kind: transformer
  encoder_layers: 1
  decoder_layers: 1
  width: {width}
  heads: 2
  tokenizer: joint
"""
