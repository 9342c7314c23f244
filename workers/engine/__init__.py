"""The data plane: decisions and flow of a migration, free of drivers, queues and servers.

In one process (`workers.cli`) a run is one call: `run.run(ends, request, sink, control)`.

Spread over processes it is the same three acts, each re-entrant, driven by the ledger in the target:

1. `prepare.prepare` plans, checks, takes the run over and makes the tables. Its `PreparedRun` is
   plain data; `domain.kernel.codec` stores it. `cuts.Cuts` cuts each table, leaving out
   what the target already has; the chunks go to a shared `schedule.ChunkQueue`, those of a wave
   (`PreparedRun.waves`, mostly one) once the wave before is in the target.
2. Any number of lanes, in any process, each with its own `ends.open_ends`, a `pipeline.Desk` with
   the run's ticket, and `schedule.work_lane` over the queue: claim, `pipeline.copy_chunk`, complete.
   A chunk that is copied twice arrives once. A worker that dies leaves a lease to expire; who takes
   the run over calls `prepare` again, and the new ticket voids the old one (`Fenced`).
3. `finish.finish` once the queue is empty: indexes, keys, next values, verification, and the end of
   the ledger. `report.run_report` sums up.

Each worker process reads in a snapshot of its own, so rows copied by several processes have in
common only what a source at rest gives them; verification compares with the snapshot of the
process that runs `finish`.
"""
