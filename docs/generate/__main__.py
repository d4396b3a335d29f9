"""Makes the sources of the site: the pages of docs/, and those that are generated.

    python docs/generate OUT

OUT/pages has all pages, OUT/mkdocs.yml what builds them. In the `nav` of docs/mkdocs.yml an entry
that ends with a slash stands for all generated pages of that folder.
"""

import sys
from pathlib import Path

from site_pages import write_site

if __name__ == "__main__":
    write_site(Path(sys.argv[1]))
