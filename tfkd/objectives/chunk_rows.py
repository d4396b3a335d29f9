"""How many tokens' logits stand at once."""

# One chunk's float32 logits. Measured on two cores with 2 MiB of second-level and 32 MiB of shared
# cache: smaller chunks starve the matrix products, larger ones send every soft-max pass to memory.
LOGITS_BYTES = 16 * 2**20
# With very large vocabularies the cache is out of reach, and a product with fewer rows than this is
# bound by reading the matrix.
FEWEST_ROWS = 128


def chunk_rows_for(vocabulary_size: int) -> int:
    """The most tokens in one chunk for a vocabulary of this size, a multiple of 8."""
    rows = LOGITS_BYTES // (4 * vocabulary_size)
    return max(FEWEST_ROWS, rows // 8 * 8)
