"""Many runs: each computed once, cached and resumable, in processes that cannot harm one another."""

from papers_lib.sweep.context import Context, RunFailed
from papers_lib.sweep.core import DataRef, Run, sweep
from papers_lib.sweep.one_pool import one_pool
from papers_lib.sweep.plan import Part
from papers_lib.sweep.progress import duration, say
from papers_lib.sweep.records import STORED, Record, records_frame
from papers_lib.sweep.workers import one_thread

__all__ = [
    "STORED",
    "Context",
    "DataRef",
    "Part",
    "Record",
    "Run",
    "RunFailed",
    "duration",
    "one_pool",
    "one_thread",
    "records_frame",
    "say",
    "sweep",
]
