"""What every starter of a model that writes says of its student: training, scores, export."""

STUDENT_TRAINING = """\
    batch: {size: 4096, unit: max_tokens, max_length: $row_length}
    optimizer: {kind: adam, clip_norm: 5.0}
    schedule: {kind: triangular, rate: $rate}
    # precision: bfloat16                        # faster on GPUs that have it
    validate:
      on: valid
      every: $every
      metrics: [loss, accuracy, $best]
      decode: {kind: greedy}
      keep: {best: $best}

# tfkd run FILE --variant NAME; what is the same in several is computed once.
variants:
  # The same student without a teacher.
  baseline:
"""
STUDENT_SCORES = """\
evaluate:
  - of: train_student
    on: [test]
    decode: {kind: beam, beam: 4, length_penalty: 1.0}
    metrics: [$metrics]
    against: "train_student#baseline"
"""
STUDENT_EXPORT = """\
# Written as a SavedModel: text in, text out.
export: [train_student]
"""
