#!/usr/bin/env python3
"""Events and actions of a real daemon on a simulated street: what is due happens, once, whatever is
done to the clock and to the daemon meanwhile (event-model.md 5, 6, 10)."""

import datetime
import signal
import sqlite3
import os
import time

import smart_vectors
from uspd import Daemon, Directory, Report, Street

STREET = {
    "tz_min": 180, "history_days": 3,
    "buses": [
        {"name": "Iface1", "pty": True, "meters": [
            {"type": "mercury236", "count": 2, "first_address": 1, "first_serial": "71000001"}]},
        {"name": "Iface2", "pty": True, "meters": [
            {"type": "mercury236", "count": 1, "first_address": 9, "first_serial": "72000001"}]},
    ],
}
HALF_HOUR = 1800
SETTINGS = {"events__poll_offset_s": 0, "events__settle_s": 0, "poll__backfill_days": 1,
            "poll__journal_min": 0, "http__force_change": 0, "http__post_upsert": 1}
SCHEDULES = [{"id": 1, "min": 30}, {"id": 2, "min": 0}, {"id": 3, "min": 0, "hour": 0, "day": 30, "month": 2}]
TABLES = {
    "templates/arch": [{"name": "now", "types": ["ElMomentQuality"]},
                       {"name": "Day", "types": ["ElDayEnergy", "ElConfig"]},
                       {"name": "nothing", "types": []}],
    "templates/meter": [{"name": "all", "meters": []}, {"name": "first", "meters": [1, 999]},
                        {"name": "gone", "meters": [998]}],
    "events/schdl": SCHEDULES,
    "events/calendar": [{"calendarName": "both", "schedulerIds": [1, 2, 3, 77]}],
    "actions/meter": [{"id": 1, "archTypesName": "now", "metersName": "all"},
                      {"id": 2, "archTypesName": "day", "metersName": "FIRST"},
                      {"id": 3, "archTypesName": "now", "metersName": "gone"},
                      {"id": 4, "archTypesName": "nothing"}],
    "actions/monitor": [{"id": 1, "targets": [{"meterId": 2, "measure": "ElMomentQuality"}]}],
    "actions/relay": [{"id": 1, "relay": 1, "state": "on"},
                      {"id": 2, "meterId": 3, "relayId": 1, "relayState": 0},
                      {"id": 3, "meterId": 3, "relayId": 1, "relayState": 1}],
    "actions/sntp": [{"id": 1, "eventType": 0, "eventId": 1}],
    "events/manager": [
        {"id": n, "eventType": event, "eventId": event_id, "actionType": action, "actionId": action_id}
        for n, event, event_id, action, action_id in (
            (1, "Scheduler", 1, "Poller", 1), (2, "Calendar", 1, "Poller", 2),
            (3, "Scheduler", 1, "Monitor", 1), (4, "Scheduler", 1, "IntRelay", 1),
            (5, "Scheduler", 1, "ExtRelay", 2), (6, "Scheduler", 1, "ExtRelay", 3),
            (7, "Scheduler", 1, "MQTTMeterMessages", 5), (8, "Scheduler", 1, "Poller", 99),
            (9, "Scheduler", 77, "Poller", 1), (10, "Scheduler", 3, "Poller", 1),
            (11, "Scheduler", 2, "Poller", 3), (12, "Scheduler", 2, "Poller", 4),
            (13, "ExtAnalogSensor", 1, "Monitor", 1))],
    # Its own action reads the value again: a loop.
    "events/ain": [{"id": 1, "meterId": 2, "tag": "UA", "high": 1.5, "hyst": 0, "edge": "both"}],
}
ALL = (1, 2, 3, 4, 5, 6, 7, 8)      # rows that a half hour brings, besides the one of time


class Box:
    """The daemon and its administrator."""

    def __init__(self, directory, links):
        self.directory, self.links = directory, links
        self.daemon = None
        self.start()

    def start(self):
        self.daemon = Daemon(self.directory, self.links)
        self.smart = smart_vectors.Smart(self.daemon.http)
        self.smart.login()

    def set_clock(self, utc):
        text = datetime.datetime.fromtimestamp(utc, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.smart.write("PUT", "/action/time/set", {"time": text})

    def rows(self, **wanted):
        rows = self.smart.get("/jrnl/action?full=1")["Jrnl"] or []
        return [r for r in rows if all(r.get(k) == v for k, v in wanted.items())]

    def wait_rows(self, moment, bindings, seconds=20):
        """Until every binding has its row of that moment; the rows, by binding."""
        end = time.monotonic() + seconds
        while True:
            rows = self.rows(moment=moment)
            if {r["row"] for r in rows if r["action"]["type"] != "TimeSync"} >= set(bindings):
                return rows
            if time.monotonic() > end:
                raise AssertionError("of %d: %r" % (moment, rows))
            time.sleep(0.1)


def by_binding(rows):
    found = {}
    for r in rows:
        if r["action"]["type"] != "TimeSync":
            found.setdefault(r["row"], []).append(r)
    return found


def none_twice(rows):
    seen = set()
    for r in rows:
        key = (r["row"], r["action"]["type"], r["moment"])
        assert key not in seen, "twice: %r" % (r,)
        seen.add(key)


def main():
    report = Report()
    with Directory() as directory:
        street = Street(directory, STREET, "--unpaced")
        box = Box(directory, street.links)
        box.daemon.put_settings(**SETTINGS)
        box.daemon.import_meters(street.meters_csv())
        box.daemon.wait_complete(60)
        for table, rows in TABLES.items():
            box.smart.write("POST", "/settings/" + table, {"Settings": rows})
        first = (int(time.time()) // HALF_HOUR + 2) * HALF_HOUR
        first += HALF_HOUR if first % 3600 == 0 else 0      # the hourly schedule rests at the first

        def due_runs_happen():
            box.set_clock(first - 2)
            rows = by_binding(box.wait_rows(first, ALL))
            assert set(rows) == set(ALL), sorted(rows)
            assert all(len(r) == 1 for r in rows.values()), rows
            results = {n: rows[n][0]["result"] for n in rows}
            assert results == {1: "ok", 2: "ok", 3: "ok", 4: "failed", 5: results[5], 6: results[6],
                               7: "skipped", 8: "skipped"}, results
            one = rows[1][0]
            assert one["metersOk"] == 3 and one["metersFailed"] == 0 and one["folded"] == 0, one
            assert first <= one["started"] <= one["finished"] <= first + 20, one
            assert rows[2][0]["event"] == {"type": "Calendar", "id": 1}, rows[2]
            assert rows[2][0]["metersOk"] == 1, rows[2]
            stamps = [r["ts"] for r in box.daemon.data(3, "ElMomentQuality")["records"]]
            assert any(first <= ts <= first + 20 for ts in stamps), (first, stamps)

        def old_clients_see_three_members():
            rows = box.smart.get("/jrnl/action")["Jrnl"]
            assert rows and all(set(r) == {"time", "event", "action"} for r in rows), rows[:2]
            time_rows = [r for r in rows if r["action"]["type"] == "TimeSync"]
            assert time_rows and time_rows[0]["event"] == {"type": "Scheduler", "id": 1}, rows

        def relays_both_ways():
            five, six = (by_binding(box.rows(moment=first))[n][0] for n in (5, 6))
            assert five["started"] <= six["started"], (five, six)
            switched = box.daemon.get("journal/meter/relay?limit=10")["rows"]
            assert [r["relayState"] for r in sorted(switched, key=lambda r: r["id"])][:2] == [0, 1], switched
            assert any("last one wins" in line for line in box.daemon.drain()), "no warning"

        def next_hour_once_for_the_calendar():
            hour = first + HALF_HOUR
            box.set_clock(hour - 1)
            rows = by_binding(box.wait_rows(hour, ALL + (11, 12)))
            assert all(len(r) == 1 for r in rows.values()), rows
            assert rows[11][0]["result"] == rows[12][0]["result"] == "skipped", rows

        def state_tells_last_and_next():
            state = {r["id"]: r for r in box.smart.get("/state/schdl", 31)["State"]}
            assert set(state) == {1, 2}, state
            last = datetime.datetime.fromisoformat(state[1]["last"]).timestamp()
            assert last == first + HALF_HOUR, state
            assert datetime.datetime.fromisoformat(state[1]["next"]).timestamp() == last + HALF_HOUR, state

        def step_over_many_folds():
            before = len(box.rows())
            target = first + 5 * HALF_HOUR
            box.set_clock(target + 100)        # moments 2..5 were jumped over
            rows = by_binding(box.wait_rows(target, (1, 2)))
            assert rows[1][0]["folded"] == 3 and rows[2][0]["folded"] == 3, rows
            assert not set(rows) & {3, 4, 5, 6}, "neither monitors nor relays catch up: %r" % rows
            assert before < len(box.rows())

        def small_step_back_fires_nothing():
            target = first + 5 * HALF_HOUR
            count = len(box.wait_rows(target, (1, 2, 7, 8)))
            box.set_clock(target - 1)
            time.sleep(2.5)
            assert len(box.rows(moment=target)) == count

        def killed_in_the_middle():
            target = first + 6 * HALF_HOUR
            box.set_clock(target - 1)
            time.sleep(1.02)
            box.daemon.stop(signal.SIGKILL)
            box.start()
            box.set_clock(target + 30)
            rows = box.wait_rows(target, (1, 2))
            none_twice(rows)
            assert {r["result"] for r in rows} <= {"ok", "partial", "failed", "skipped", "interrupted"}, rows

        def killed_before_it_was_due():
            target = first + 7 * HALF_HOUR
            box.set_clock(target - 1)
            box.daemon.stop(signal.SIGKILL)
            box.start()
            box.set_clock(target + 50)
            rows = by_binding(box.wait_rows(target, (1, 2)))
            assert rows[1][0]["result"] == "ok", rows

        def back_ten_years():
            past = (int(time.time()) - 10 * 365 * 86400) // HALF_HOUR * HALF_HOUR
            box.set_clock(past - 1)
            box.wait_rows(past, (1, 2))
            box.set_clock(past + HALF_HOUR - 1)
            box.wait_rows(past + HALF_HOUR, (1, 2))

        def a_loop_comes_to_rest():
            count = len(box.rows(event={"type": "ExtAnalogSensor", "id": 1}))
            assert 1 <= count <= 61, count

        def everything_once():
            rows = box.rows()
            none_twice(rows)
            none = [r for r in rows if r["row"] in (9, 10) and r["action"]["type"] != "TimeSync"]
            assert not none, none

        def ends_and_leaves_nothing_running():
            assert box.daemon.stop() == 0
            base = sqlite3.connect(os.path.join(box.daemon.data_dir, "config.db"))
            left = base.execute("SELECT key, text FROM note WHERE key LIKE 'events/job/%'").fetchall()
            base.close()
            assert not left, left

        report.case("what is due happens", due_runs_happen)
        report.case("old clients see three members", old_clients_see_three_members)
        report.case("contradicting relays follow the order of rows", relays_both_ways)
        report.case("a calendar fires once a minute; rows that lead nowhere are skipped",
                    next_hour_once_for_the_calendar)
        report.case("/state/schdl tells last and next", state_tells_last_and_next)
        report.case("a long step forward folds polls and drops relays", step_over_many_folds)
        report.case("a small step back fires nothing again", small_step_back_fires_nothing)
        report.case("kill -9 in the middle", killed_in_the_middle)
        report.case("kill -9 before it was due", killed_before_it_was_due)
        report.case("set back ten years, schedules go on", back_ten_years)
        report.case("an action that causes its own event comes to rest", a_loop_comes_to_rest)
        report.case("nothing happened twice", everything_once)
        report.case("the daemon ends and leaves nothing running", ends_and_leaves_nothing_running)
        street.stop()
    report.end()


main()
