"""What evaluation stages make beside what metrics are counted from."""

from tfkd.spec.metrics import OF_WORDS, TEACHER_CHECK, TEACHER_FORCED, about, product_of

# What is measured of a teacher that students ask in their steps, beside itself without context; a
# product of evaluations, no metric.
MASKED = "masked"
# What a language model writes after first halves of lines: another one.
CONTINUED = "continuations"
# What evaluations keep: sums of each row, and the likelihood of each row of a text with its words.
ROWS_FILE, WORDS_FILE = "rows.npz", "words.npz"


def product(wanted: str) -> str:
    """What a metric of a model of words, a check, or one of the two above asks of a stage."""
    if wanted in (MASKED, CONTINUED):
        return wanted
    if wanted == TEACHER_CHECK:
        return TEACHER_FORCED
    return product_of(about(wanted), OF_WORDS)
