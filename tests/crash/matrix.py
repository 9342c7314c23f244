"""The matrix of faults: each with the tests that provoke it, or with the reason why none does."""

from __future__ import annotations

import sys

Tests = tuple[str, ...]

_BOUNDARY = "tests/crash/test_every_boundary.py::test_a_run_killed_at_any_boundary_is_completed_by_the_next"
_SITES = "tests/crash/test_workers.py::test_a_worker_killed_at_any_site_is_replaced_and_the_target_is_exact"
_RECOVERY = "tests/integration/test_worker_recovery.py::test_"
_QUEUE = "tests/integration/test_chunk_queue.py::test_"
_PG = "tests/connectors/test_postgresql_faults.py::test_"
_MYSQL = "tests/connectors/test_mysql_writing.py::test_"
_READING = "tests/connectors/test_mysql_reading.py::test_"
_STREAMS = "tests/api/test_migration_streams.py::test_"
_STEERING = "tests/api/test_migration_steering.py::test_"
_ROLLBACKS = "tests/crash/test_rollbacks.py::test_"
_FAULTS = "tests/crash/test_queue_faults.py::test_"
_PROCESSES = "tests/crash/test_processes.py::test_"
_SUBSCRIBERS = (
    "tests/crash/test_subscribers.py::test_subscribers_get_every_event_once_and_one_end_whatever_is_restarted"
)
_HISTORIES = "tests/crash/test_simulation.py::test_whatever_goes_wrong_every_row_arrives_once_and_every_migration_ends"
_RULES = "tests/unit/domain/migrations/test_migration.py::test_"

_CUTS = "tests/crash/test_cut_lines.py::test_"
_LINES = "tests/crash/test_lines.py::test_"
_RESTARTS = "tests/crash/test_restarts.py::test_"
_BUSY = "tests/crash/test_busy_targets.py::test_"

_STORE = "tests/crash/test_control_store.py::test_"
_CHANGING = "tests/crash/test_changing_sources.py::test_"
_PAUSES = "tests/crash/test_pauses.py::test_"
_SLEEPERS = "tests/crash/test_sleepers.py::test_"
_DISKS = "tests/crash/test_full_disks.py::test_"

MATRIX: dict[str, Tests | str] = {
    "A1 worker killed at random": (_RECOVERY + "however_often_workers_are_killed_the_target_is_exact",),
    "A2 killed at every boundary": (_BOUNDARY, _SITES),
    "A3 answer to the commit lost": (
        _PG + "a_commit_whose_answer_is_lost_counts_once",
        _MYSQL + "a_commit_without_an_answer_is_looked_up",
    ),
    "A4 worker told to stop": (_RECOVERY + "a_worker_that_is_told_to_stop_gives_its_work_back_at_once",),
    "A5 frozen worker": (
        _RECOVERY + "a_frozen_worker_that_wakes_up_too_late_writes_nothing",
        _PROCESSES + "a_worker_that_is_frozen_in_the_middle_of_a_transaction_is_not_waited_for",
        _PG + "a_successor_ends_the_session_of_a_worker_that_hangs",
        _MYSQL + "whoever_takes_a_run_over_ends_a_frozen_writer",
        _SLEEPERS + "a_worker_that_wakes_up_after_a_pause_or_the_end_writes_nothing_more",
        _SLEEPERS + "a_migration_that_paused_while_its_worker_slept_is_complete_once_it_is_resumed",
    ),
    "A6 two workers at one migration": (
        _QUEUE + "of_workers_that_take_one_assignment_at_the_same_moment_one_has_it",
        _QUEUE + "only_the_worker_that_holds_the_assignment_changes_the_plan",
    ),
    "A7 job delivered twice": (_SITES, _QUEUE + "a_chunk_is_counted_once_whoever_brings_the_news"),
    "A8 the queue gives up": (
        _FAULTS + "a_queue_that_gives_up_and_one_full_of_garbage_do_not_keep_a_migration_from_its_end",
    ),
    "A9 API killed before its reply": (
        _PROCESSES + "who_asks_again_after_the_api_was_killed_before_its_answer_gets_the_one_migration",
    ),
    "A10 API killed under subscribers": (_SUBSCRIBERS,),
    "A11 snapshot keeper killed": (
        "tests/crash/test_lost_snapshots.py::test_a_run_that_loses_its_snapshot_pauses_and_waits_for_a_choice",
        "tests/api/test_lost_snapshots.py::test_a_migration_that_loses_its_snapshot_waits_for_a_choice_and_starts_over",
    ),
    "A12 memory limit": (_PROCESSES + "a_worker_without_memory_for_a_row_says_so_and_others_are_not_affected",),
    "A13 crash loop": (
        "tests/crash/test_workers.py::test_a_migration_that_kills_every_worker_fails_after_five_losses_and_can_be_resumed",
    ),
    "A14 blocked event loop": (
        _PROCESSES + "a_worker_whose_loop_is_blocked_keeps_its_lease_and_one_that_is_dead_loses_it",
    ),
    "A15 killed during verification": (_SITES, _BOUNDARY),
    "B1 Redis restarted": (
        "tests/integration/test_feed.py::test_subscribers_are_woken_when_redis_comes_back",
        _RECOVERY + "a_worker_that_loses_redis_ends_so_that_another_can_be_started",
    ),
    "B2 Redis flushed": (_RECOVERY + "jobs_that_redis_forgets_are_given_out_again",),
    "B3 Redis down at start": (_FAULTS + "a_migration_is_accepted_before_redis_is_there",),
    "B4 failover that lost writes": (_FAULTS + "a_replica_that_has_lost_the_jobs_is_given_them_again",),
    "B5 Redis frozen": (_FAULTS + "a_frozen_redis_keeps_nobody_from_starting_and_asking",),
    "B6 slow subscriber of Redis": (_FAULTS + "subscribers_whose_line_to_redis_is_closed_for_being_slow_miss_nothing",),
    "B7 Redis out of memory": (_FAULTS + "a_migration_is_accepted_while_redis_has_no_memory_left",),
    "B8 garbage in a job": (
        _FAULTS + "a_queue_that_gives_up_and_one_full_of_garbage_do_not_keep_a_migration_from_its_end",
    ),
    "C1 control store restarted": (_STORE + "a_migration_outlives_its_control_store",),
    "C2 control store crashed": (_STORE + "a_migration_outlives_its_control_store",),
    "C3 control store cut off": (_STORE + "a_migration_outlives_broken_lines_to_its_control_store",),
    "C4 deadlock in the control store": (_STORE + "of_two_commands_in_a_deadlock_one_gives_way_and_may_try_again",),
    "C5 control store's disk full": (_STORE + "commands_on_a_full_disk_fail_whole_and_go_through_once_there_is_room",),
    "C6 slow control store": (_STORE + "a_slow_control_store_costs_no_lease",),
    "C7 pool exhausted": (_STORE + "more_commands_than_connections_wait_their_turn",),
    "D1 source cut in a chunk": (
        "tests/pairs/test_lost_connections.py::test_a_run_that_lost_its_source_is_completed_by_the_same_run",
    ),
    "D2 source cut at any byte": (
        _CUTS + "a_source_cut_at_any_byte_costs_no_row",
        _CUTS + "a_source_cut_at_every_byte_of_the_sweep_costs_no_row",
    ),
    "D3 source restarted": (
        _RESTARTS + "a_run_whose_source_is_started_again_pauses_and_goes_on_as_chosen",
        _RESTARTS + "a_source_with_a_binary_log_that_has_not_changed_is_read_on_after_a_restart",
    ),
    "D4 black hole": (_LINES + "a_source_whose_packets_vanish_is_given_up_and_costs_no_row",),
    "D5 slow source": (_LINES + "a_slow_source_only_takes_its_time",),
    "D6 concurrent writers": (
        "tests/crash/test_transfers.py::test_balances_copied_while_money_moves_sum_to_what_they_always_sum_to",
    ),
    "D7 snapshot killed": (_PG + "a_lost_snapshot_is_told_and_no_other_is_taken",),
    "D8 source schema changes": (
        _READING + "a_table_that_changed_meanwhile_is_drift",
        _STEERING + "a_migration_whose_source_has_changed_is_not_resumed",
    ),
    "D9 table emptied after the snapshot": (_PG + "a_table_that_is_read_cannot_be_emptied",),
    "D10 SQLite file locked, replaced, or left with a hot journal": (
        _CHANGING + "a_locked_sqlite_source_is_an_error_that_says_so_and_is_read_later",
        _CHANGING + "a_sqlite_source_that_is_replaced_is_read_as_it_was_when_it_was_opened",
        _CHANGING + "a_sqlite_source_whose_writer_was_killed_is_left_alone_and_read_once_somebody_has_opened_it",
    ),
    "D11 lying server": (
        "tests/connectors/test_mysql_security.py::test_a_server_that_asks_for_a_file_instead_of_the_rows_gets_nothing",
        "tests/connectors/test_mysql_security.py::test_a_server_that_asks_for_the_readable_password_does_not_get_it",
    ),
    "E1 target cut in a COPY": (
        _PG + "a_line_that_breaks_amid_the_rows_is_an_error_that_may_pass",
        _CUTS + "a_target_cut_at_any_byte_has_every_row_once",
        _CUTS + "a_target_cut_at_every_byte_of_the_sweep_has_every_row_once",
    ),
    "E2 target restarted": (_RESTARTS + "a_run_outlives_a_target_that_is_started_again",),
    "E3 target lost what it had promised": (_STEERING + "what_the_target_has_lost_is_copied_again",),
    "E4 unlogged tables": (_BUSY + "a_table_that_a_crash_would_empty_takes_no_rows",),
    "E5 PostgreSQL's disk full": (
        _DISKS + "a_run_pauses_when_the_disk_of_a_tablespace_is_full_and_is_resumed_by_the_same_command",
        _DISKS + "a_server_on_a_full_disk_is_filled_to_the_end_once_there_is_room",
        _PAUSES + "a_migration_pauses_when_the_disk_of_its_target_is_full_and_is_complete_once_it_is_resumed",
    ),
    "E6 MariaDB's disk full": (_DISKS + "a_server_on_a_full_disk_is_filled_to_the_end_once_there_is_room",),
    "E7 disk full under files": (_DISKS + "a_file_on_a_full_disk_is_completed_once_there_is_room",),
    "E8 lock timeout": (
        _BUSY + "a_run_pauses_at_a_lock_that_is_held_too_long_and_goes_on_later",
        _PAUSES + "a_migration_pauses_at_a_lock_that_is_held_too_long_and_goes_on_later",
    ),
    "E9 deadlock with others": (_BUSY + "a_deadlock_with_others_is_tried_again",),
    "E10 slow target": (_LINES + "a_slow_target_only_takes_its_time",),
    "E11 target becomes read-only": (
        _BUSY + "a_run_pauses_at_once_when_its_target_becomes_read_only_and_goes_on_later",
        _BUSY + "a_run_pauses_when_its_user_may_not_write_any_more_and_goes_on_later",
        _PAUSES + "a_migration_whose_target_becomes_read_only_pauses_and_shows_why_until_it_is_resumed",
    ),
    "E12 rows already there": (
        "tests/api/test_migrations.py::test_rows_in_the_target_are_left_alone",
        "tests/unit/engine/test_run.py::test_filled_target_tables_are_refused_and_left_alone",
    ),
    "E13 references in a circle": (_BUSY + "references_in_a_circle_are_made_once_all_rows_are_there",),
    "E14 packet too big": (
        _READING + "a_row_longer_than_a_packet_arrives_whole",
        _MYSQL + "insert_statements_stay_within_the_packet",
    ),
    "E15 another database at the address": (_STEERING + "a_migration_whose_target_has_forgotten_it_is_not_resumed",),
    "F1 pause during a chunk": (
        _STEERING + "a_migration_pauses_in_the_middle_of_a_table_and_goes_on_where_it_stood",
        "tests/crash/test_giving_up.py::test_a_pause_does_not_wait_for_a_locked_table_and_leaves_no_statement_behind",
    ),
    "F2 pauses in a row": (
        "tests/crash/test_giving_up.py::test_fifty_pauses_in_a_row_cost_no_row",
        _STEERING + "pauses_and_resumes_in_a_row_do_no_harm",
    ),
    "F3 resume while an old lease lives": (_RULES + "a_migration_that_is_still_pausing_is_not_resumed",),
    "F4 cancel during long DDL": (_BUSY + "a_cancelled_index_build_leaves_nothing_running_and_is_done_later",),
    "F5 cancel around a commit": (
        _MYSQL + "a_cancelled_write_leaves_nothing_and_no_session_behind",
        "tests/unit/engine/test_run.py::test_cancelling_rolls_the_chunk_back_and_the_same_run_goes_on",
    ),
    "F6 rollback after every boundary": (_ROLLBACKS + "a_run_killed_at_any_boundary_is_rolled_back",),
    "F7 killed during rollback": (
        _ROLLBACKS + "a_rollback_killed_at_any_boundary_is_completed_by_the_next",
        "tests/crash/test_rollback_workers.py::test_a_worker_killed_in_a_rollback_is_replaced_and_the_target_is_as_it_was",
    ),
    "F8 rollback after new writes": (
        "tests/pairs/test_rollback.py::test_rows_written_since_need_a_word_and_are_kept",
        "tests/api/test_migration_rollback.py::test_rows_that_others_have_written_since_need_a_word_and_are_kept",
    ),
    "F9 racing commands": (
        _RULES + "whatever_is_asked_and_reported_a_migration_moves_only_along_the_table",
        "tests/integration/test_event_store.py::test_of_many_writers_of_one_version_exactly_one_wins",
        _HISTORIES,
    ),
    "F10 clock of a worker is wrong": (
        _QUEUE + "a_lease_ends_by_the_clock_of_the_control_store_unless_it_is_renewed",
        _HISTORIES,
    ),
    "F11 new version, old plan": (
        "tests/crash/test_other_versions.py::test_a_plan_of_another_version_is_refused_with_its_reason_and_made_again_by_who_resumes",
    ),
    "F12 retry storm": (
        _LINES + "a_target_that_is_away_for_a_moment_is_waited_for",
        _LINES + "a_target_that_stays_away_is_not_stormed_and_the_run_goes_on_later",
    ),
    "G1 poison values": (
        "tests/pairs/test_any_values.py::test_any_value_arrives_as_it_was_or_is_rejected_with_its_row",
        "tests/pairs/test_values.py::test_a_value_without_an_exact_place_is_refused_or_kept_by_another_type",
        "tests/pairs/test_misfits.py::test_misfits_are_named_with_their_counts_and_nothing_is_made",
    ),
    "G2 too many rejected rows": (
        "tests/pairs/test_misfits.py::test_rows_are_rejected_up_to_the_limit_and_kept_whole",
        "tests/pairs/test_refusals.py::test_a_run_ends_at_a_row_that_may_not_be_left_out_and_names_it_and_the_reason",
    ),
    "G3 a million rows changed meanwhile": (
        _CHANGING + "a_million_rows_that_change_meanwhile_are_copied_as_they_were",
    ),
    "G4 huge values, many columns, many tables": (
        _PROCESSES + "a_worker_without_memory_for_a_row_says_so_and_others_are_not_affected",
        "tests/pairs/test_shapes.py::test_a_table_of_1600_columns_arrives",
        "tests/pairs/test_shapes.py::test_very_many_tables_arrive",
        "tests/pairs/test_shapes.py::test_rows_without_a_value_in_their_only_key_arrive_once",
    ),
    "G5 rows that are the same, without a key": (_BOUNDARY,),
    "G6 keys that fall together": (
        "tests/connectors/test_mysql_plan.py::test_texts_that_differ_only_in_case_accents_or_spaces_stay_different_keys",
        "tests/pairs/test_refusals.py::test_words_that_are_one_key_to_a_target_are_told_apart_and_none_is_lost_in_silence",
    ),
    "G7 odd identifiers": (
        "tests/connectors/test_schema_plan.py::test_names_that_need_quotes_are_kept",
        "tests/connectors/test_mysql_plan.py::test_names_are_cut_to_what_mysql_takes_and_constraints_kept_apart",
    ),
    "H1 Redis killed under subscribers": (_SUBSCRIBERS, _STREAMS + "without_any_signal_a_stream_is_only_late"),
    "H2 API killed under subscribers": (_SUBSCRIBERS,),
    "H3 slow consumer": (
        "tests/crash/test_slow_clients.py::test_subscribers_that_read_nothing_are_given_up_and_miss_nothing_once_they_come_back",
    ),
    "H4 many reconnect at once": (_STREAMS + "many_viewers_cost_the_control_store_no_more_than_one",),
    "H5 token expires while open": (_STREAMS + "a_stream_ends_when_its_subscriber_may_no_longer_see_it",),
    "H6 membership ends while open": (_STREAMS + "a_stream_ends_when_its_subscriber_may_no_longer_see_it",),
    "H7 end between snapshot and stream": (_STREAMS + "who_comes_late_gets_the_state_and_then_the_end",),
    "H8 signals lost": ("tests/unit/infra/test_following.py::test_a_gap_in_the_stream_shows_in_the_numbers",),
}

ROWS = {"A": 15, "B": 8, "C": 7, "D": 11, "E": 15, "F": 12, "G": 7, "H": 8}
"""How many rows each part of the matrix has."""


def provoked() -> list[str]:
    """Return the rows that tests provoke."""
    return [row for row, by in MATRIX.items() if isinstance(by, tuple)]


def elsewhere() -> list[str]:
    """Return the tests of rows that are not among the crash tests."""
    tests = {test for row in provoked() for test in MATRIX[row]}
    return sorted(test for test in tests if not test.startswith("tests/crash/"))


if __name__ == "__main__":
    sys.stdout.writelines(f"{test}\n" for test in elsewhere())
