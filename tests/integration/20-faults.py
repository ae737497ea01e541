#!/usr/bin/env python3
"""A bad street, unpaced, with one answer in ten spoiled: nothing wrong is stored, nothing stays missing."""

import os

import street_check
from uspd import Daemon, Directory, Report, Street

FAULTS = {"lost": 2, "damaged": 3, "foreign": 2, "partial": 2, "late": 1, "late_ms": 350}
STREET = {
    "tz_min": 180, "seed": int(os.environ.get("SEED", "1")), "history_days": 12,
    "buses": [
        {"name": "Iface1", "pty": True, "faults": FAULTS, "meters": [
            {"type": "mercury230", "count": 8, "first_address": 1, "first_serial": "30000001",
             "outages": {"count": 3, "from": -864000, "to": -7200, "max_s": 9000}},
            {"type": "mercury230", "address": 60, "serial": "30000060", "dead": True}]},
        {"name": "Iface2", "pty": True, "echo": True, "faults": FAULTS, "meters": [
            {"type": "mercury236", "count": 8, "first_address": 101, "first_serial": "30000101"},
            {"type": "mercury230-217", "address": 202, "serial": "30000202"}]},
        {"name": "Iface3", "pty": True, "faults": dict(FAULTS, late=0), "meters": [
            {"type": "ce303", "count": 3, "first_serial": "009114300000001"},
            {"type": "ce301", "count": 2, "first_serial": "008841300000101"}]},
        {"name": "gate", "count": 3, "tcp": "127.0.0.1:0", "faults": FAULTS, "meters": [
            {"type": "mercury236", "address": 72, "first_serial": "30000401"}]},
    ],
}


def main():
    report = Report()
    with Directory() as directory:
        street = Street(directory, STREET, "--unpaced")
        daemon = Daemon(directory, street.links)
        daemon.put_settings(poll__backfill_days=int(os.environ.get("DAYS", "4")), poll__journal_min=0)
        daemon.import_meters(street.meters_csv())
        meters = [m for m in street_check.street_meters(STREET, street.ready, street.meters())
                  if not m.entry.get("dead")]
        report.case("the archive fills in spite of the faults", daemon.wait_complete, 240, 1)
        report.case("no stored record is wrong, none is missing or double",
                    lambda: print(street_check.check_street(daemon, STREET, meters), "records"))
        report.case("the daemon ends cleanly", lambda: (daemon.stop() == 0) or 1 / 0)
        street.stop()
    report.end()


main()
