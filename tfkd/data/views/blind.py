"""A view in which every word is hidden, so that its predictions owe nothing to context."""

import numpy as np

from tfkd.data.views.base import Record
from tfkd.data.views.changed import ChangedView


class Blind(ChangedView):
    """Another view of one stream, with [MASK] at each word; what is predicted stays the same."""

    def change(self, record: Record) -> Record:
        """See `ChangedView`."""
        fixed = np.isin(record["ids"], (self.specials.start_id, self.specials.end_id))
        hidden = record["valid"] & ~fixed
        return {**record, "ids": np.where(hidden, np.int32(self.specials.mask_id), record["ids"])}
