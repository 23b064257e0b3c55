"""Until the pages import ``claims``."""

from papers_lib.companion.claims import JUDGED, ClaimResult, ClaimsFile

OF_NO_DATA = ("printed numbers", "measurement")
__all__ = ["JUDGED", "OF_NO_DATA", "ClaimResult", "ClaimsFile"]
