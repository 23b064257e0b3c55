"""Many runs: each computed once, cached and resumable, in processes that cannot harm one another."""

from papers_lib.processes import one_thread
from papers_lib.sweep.context import Context, RunFailed
from papers_lib.sweep.core import BACKENDS, DataRef, Run, pick_backend, sweep
from papers_lib.sweep.digest import code_digest, library_versions, module_digest
from papers_lib.sweep.plan import Part
from papers_lib.sweep.progress import duration, say
from papers_lib.sweep.records import STORED, Record, records_frame

__all__ = [
    "BACKENDS",
    "STORED",
    "Context",
    "DataRef",
    "Part",
    "Record",
    "Run",
    "RunFailed",
    "code_digest",
    "duration",
    "library_versions",
    "module_digest",
    "one_thread",
    "pick_backend",
    "records_frame",
    "say",
    "sweep",
]
