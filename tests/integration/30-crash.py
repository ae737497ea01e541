#!/usr/bin/env python3
"""kill -9 at random moments while polling and storing: what was committed stays, the rest is refilled."""

import os
import random
import signal
import sqlite3
import time

import street_check
from uspd import Daemon, Directory, Report, Street

KILLS = int(os.environ.get("KILLS", "8"))
STREET = {
    "tz_min": 180, "history_days": 40,
    "buses": [
        {"name": "Iface1", "pty": True, "meters": [
            {"type": "mercury230", "count": 10, "first_address": 1, "first_serial": "41000001"}]},
        {"name": "Iface2", "pty": True, "meters": [
            {"type": "mercury236", "count": 10, "first_address": 1, "first_serial": "42000001"}]},
        {"name": "Iface3", "pty": True, "meters": [
            {"type": "ce303", "count": 3, "first_serial": "009114430000001"}]},
    ],
}


def stored(daemon, meters):
    """Stamps of all valid profile slices, by meter."""
    return {m.id: {r["ts"] for r in daemon.data(m.id, "ElArr1ConsPower")["records"]} for m in meters}


def check_files(data):
    for name in ("config.db", "archive.db"):
        connection = sqlite3.connect(os.path.join(data, name))
        result = connection.execute("PRAGMA integrity_check").fetchone()[0]
        connection.close()
        assert result == "ok", "%s: %s" % (name, result)


def main():
    report = Report()
    dice = random.Random(int(os.environ.get("SEED", "7")))
    with Directory() as directory:
        street = Street(directory, STREET, "--unpaced")
        rows = street.meters()
        meters = street_check.street_meters(STREET, street.ready, rows)
        daemon = Daemon(directory, street.links)
        daemon.put_settings(poll__journal_min=0, poll__backfill_days=int(os.environ.get("DAYS", "12")))
        daemon.import_meters(street.meters_csv())
        before = {m.id: set() for m in meters}

        def kill_once():
            nonlocal daemon, before
            time.sleep(dice.random() * float(os.environ.get("KILL_WITHIN", "1.5")))
            seen = stored(daemon, meters)
            time.sleep(dice.random() * 0.05)
            daemon.stop(signal.SIGKILL)
            check_files(daemon.data_dir)
            daemon = Daemon(directory, street.links)
            after = stored(daemon, meters)
            # What a reader has seen was committed; WAL keeps it through a kill of the process.
            for m in meters:
                assert seen[m.id] <= after[m.id], "meter %s lost %d slices" % (
                    m.id, len(seen[m.id] - after[m.id]))
                assert before[m.id] <= after[m.id]
            before = after

        for i in range(KILLS):
            report.case("kill %d" % (i + 1), kill_once)
        report.case("everything missing is refilled", daemon.wait_complete, 240)
        report.case("and right", lambda: print(street_check.check_street(daemon, STREET, meters), "records"))
        report.case("the daemon ends cleanly", lambda: (daemon.stop() == 0) or 1 / 0)
        street.stop()
    report.end()


main()
