#!/usr/bin/env python3
"""Many exchanges on buses and TCP endpoints: memory does not grow, nothing is lost."""

import json
import os
import time

import street_check
from uspd import Daemon, Directory, Report, Street, resident_kib

EXCHANGES = int(os.environ.get("EXCHANGES", "1000000"))
WARM_UP = EXCHANGES // 5
GROWTH_KIB = 1024
STREET = {
    "tz_min": 180,
    "buses": [{"name": "Iface%d" % i, "pty": True, "meters": [
        {"type": "mercury236", "count": 20, "first_address": 1, "first_serial": "7%d000001" % i}]}
        for i in range(1, 5)] + [
        {"name": "eth", "count": 32, "tcp": "127.0.0.1:0", "meters": [
            {"type": "mercury230", "address": 5, "first_serial": "75000001"}]}],
}


def exchanges(daemon):
    return sum(bus["exchanges"] for bus in daemon.get("status")["buses"])


def run_all(daemon):
    """Everything of the last days once more."""
    order = {"types": ["ElArr1ConsPower", "ElDayEnergy", "ElMonthEnergy"],
             "from": int(time.time()) - 30 * 86400, "again": True}
    status, body = daemon.call("POST", "poll", json.dumps(order).encode())
    assert status in (200, 202), (status, body)
    run = json.loads(body)["run"]
    while not (progress := daemon.get("poll/%d" % run))["finished"]:
        time.sleep(0.5)
    assert progress["failed"] == 0, progress


def main():
    report = Report()
    with Directory() as directory:
        street = Street(directory, STREET, "--unpaced")
        daemon = Daemon(directory, street.links)
        daemon.put_settings(poll__backfill_days=30, poll__journal_min=0)
        daemon.import_meters(street.meters_csv())
        meters = street_check.street_meters(STREET, street.ready, street.meters())

        def soak():
            daemon.wait_complete(600)
            while exchanges(daemon) < WARM_UP:
                run_all(daemon)
            before = resident_kib(daemon.child.pid)
            while exchanges(daemon) < EXCHANGES:
                run_all(daemon)
            after = resident_kib(daemon.child.pid)
            print("%d exchanges: resident %d KiB after the warm-up, %d KiB at the end" % (
                exchanges(daemon), before, after))
            assert after - before < GROWTH_KIB, (before, after)

        report.case("memory does not grow", soak)
        report.case("every record is still the model's",
                    lambda: print(street_check.check_street(daemon, STREET, meters), "records"))
        report.case("the daemon ends cleanly", lambda: (daemon.stop() == 0) or 1 / 0)
        street.stop()
    report.end()


main()
