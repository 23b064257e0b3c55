"""Until the papers import ``yaml_files``."""

from papers_lib.companion.yaml_files import any_mapping, mapping

__all__ = ["any_mapping", "mapping"]
