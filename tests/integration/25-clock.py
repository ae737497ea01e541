#!/usr/bin/env python3
"""Clocks of meters: a wrong one is corrected once, by rule; what the rules forbid is left alone."""

import time

from uspd import Daemon, Directory, Report, Street

STREET = {
    "tz_min": 180,
    "buses": [{"name": "Iface1", "pty": True, "meters": [
        {"type": "mercury236", "address": 1, "serial": "81000001", "clock_offset_s": 10},
        {"type": "mercury236", "address": 2, "serial": "81000002", "clock_offset_s": -8},
        {"type": "mercury236", "address": 3, "serial": "81000003", "clock_offset_s": 1},
        {"type": "mercury236", "address": 4, "serial": "81000004", "clock_offset_s": 900},
        {"type": "ce303", "serial": "009114810000001", "clock_offset_s": 20}]}],
}
SLOT_S, MARGIN_S, DAY_MARGIN_S = 1800, 130, 500


def may_correct():
    """Far enough from slice boundaries and from midnight for every meter of the street."""
    local = time.time() + STREET["tz_min"] * 60
    return (MARGIN_S < local % SLOT_S < SLOT_S - MARGIN_S and
            DAY_MARGIN_S + 700 < local % 86400 < 86400 - DAY_MARGIN_S - 700)


def corrections(daemon):
    """The newest row of each meter."""
    return {int(r["idMeter"]): r for r in daemon.get("journal/meter/time?limit=100")["rows"]}


def main():
    report = Report()
    with Directory() as directory:
        street = Street(directory, STREET)
        daemon = Daemon(directory, street.links)
        daemon.put_settings(poll__backfill_days=1, poll__journal_min=0)
        expected = may_correct()
        daemon.import_meters(street.meters_csv())
        daemon.wait_complete(180)
        expected = expected and may_correct()
        rows = corrections(daemon)
        end = time.monotonic() + 60  # Mercury slews as long as the correction is large
        while (any(r["result"] == "slewing" for r in rows.values()) or expected and len(rows) < 3) and \
                time.monotonic() < end:
            time.sleep(0.5)
            rows = corrections(daemon)
        table = {r["id"]: r for r in daemon.get("meters")["rows"]}

        def corrected(meter, offset):
            if not expected:
                print("(too near a slice boundary or midnight now: only what is forbidden is checked)")
                return
            row = rows[meter]
            assert abs(row["diffBefore"] - offset) < 2, row
            assert 0 <= abs(row["diffBefore"]) - abs(row["correction"]) < 1, row  # cut toward zero
            assert row["correction"] * row["diffBefore"] < 0, row
            assert row["result"] == "done" and abs(row["diffAfter"]) < 2, row

        def untouched(meter):
            assert meter not in rows, rows

        report.case("a clock ahead is pulled back", corrected, 1, 10)
        report.case("a clock behind is pushed on", corrected, 2, -8)
        report.case("a difference within the dead band is left alone", untouched, 3)
        report.case("a clock far out is left to a person", untouched, 4)
        report.case("an Energomera clock is corrected too", corrected, 5, 20)

        def alarm():
            texts = [r["text"] for r in daemon.get("journal/system?limit=200")["rows"]]
            assert any("meter 4: clock out of range" in t for t in texts), texts

        def difference_is_stored():
            assert table[4]["diff"] in (899, 900, 901), table[4]
            record = daemon.get("data?meter=4&type=ElArr1ConsPower")["records"][-1]
            assert record["diff"] in (899, 900, 901), record

        report.case("and journalled", alarm)
        report.case("the difference stands with every record", difference_is_stored)
        report.case("the daemon ends cleanly", lambda: (daemon.stop() == 0) or 1 / 0)
        street.stop()
    report.end()


main()
