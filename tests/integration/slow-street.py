#!/usr/bin/env python3
"""1500 meters, unpaced, one answer in ten spoiled: every stored record recomputed, two rounds."""

import json
import os

import street_check
from uspd import ROOT, Daemon, Directory, Report, Street

FAULTS = {"lost": 2, "damaged": 3, "foreign": 2, "partial": 2, "late": 1, "late_ms": 400}

with open(os.path.join(ROOT, "config/streets/full.json"), encoding="utf-8") as f:
    STREET = json.load(f)
for bus in STREET["buses"]:
    bus["faults"] = FAULTS


def main():
    report = Report()
    with Directory() as directory:
        street = Street(directory, STREET, "--unpaced")
        rows = street.meters()
        meters = street_check.street_meters(STREET, street.ready, rows)
        daemon = Daemon(directory, street.links)
        daemon.put_settings(poll__backfill_days=int(os.environ.get("DAYS", "1")), poll__journal_min=0)
        daemon.import_meters(street.meters_csv())
        report.case("1500 meters are read", daemon.wait_complete, 3000, 0, 2)
        report.case("no stored record is wrong, none is missing",
                    lambda: print(street_check.check_street(daemon, STREET, meters), "records"))
        report.case("a second round finds nothing missing", daemon.wait_complete, 600)
        report.case("the daemon ends cleanly", lambda: (daemon.stop() == 0) or 1 / 0)
        street.stop()
    report.end()


main()
