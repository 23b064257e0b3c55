# fmt: off
# ruff: noqa: F401
"""Many runs: each computed once, cached and resumable, in processes that cannot harm one another."""

from papers_lib.processes import end_workers, one_thread
from papers_lib.sweep.core import BACKENDS, DataRef, Part, Run, pick_backend, sweep
from papers_lib.sweep.digest import code_digest, library_versions, module_digest
from papers_lib.sweep.progress import duration, say
from papers_lib.sweep.records import STORED, Context, Record, RunFailed, records_frame
