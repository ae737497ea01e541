#!/usr/bin/env python3
"""Every family on a small street: the archive fills, and every stored value is the model's."""

import json
import os
import time

import street_check
from uspd import ROOT, Daemon, Directory, Report, Street

with open(os.path.join(ROOT, "config/streets/small.json"), encoding="utf-8") as f:
    STREET = json.load(f)


def main():
    report = Report()
    with Directory() as directory:
        street = Street(directory, STREET, "--unpaced")
        daemon = Daemon(directory, street.links)
        rows = street.meters()
        daemon.put_settings(poll__backfill_days=12, poll__quality_min=30, poll__moment_min=30)
        daemon.import_meters(street.meters_csv())
        meters = street_check.street_meters(STREET, street.ready, rows)

        report.case("the archive fills", daemon.wait_complete)
        report.case("every record is the model's",
                    lambda: print(street_check.check_street(daemon, STREET, meters), "records"))

        def serials():
            table = daemon.get("meters?limit=1000")["rows"]
            assert {r["serial"] for r in table} == {m.serial_text for m in meters}, table

        def consumption():
            for meter in meters:
                days = daemon.data(meter.id, "ElDayEnergy")["records"]
                derived = daemon.data(meter.id, "ElDayConsEnergy")["records"]
                assert len(derived) >= len(days) - 1, (meter.id, len(derived), len(days))

        def again():
            before = {m.id: daemon.get("data?meter=%s&type=ElArr1ConsPower" % m.id)["n"] for m in meters}
            status, body = daemon.call("POST", "poll", json.dumps(
                {"types": ["ElArr1ConsPower"], "from": int(time.time()) - 86400, "again": True}).encode())
            assert status in (200, 202), (status, body)
            run = json.loads(body)["run"]
            end = time.monotonic() + 60
            while not (progress := daemon.get("poll/%d" % run))["finished"]:
                assert time.monotonic() < end, progress
                time.sleep(0.2)
            assert progress["failed"] == 0, progress
            after = {m.id: daemon.get("data?meter=%s&type=ElArr1ConsPower" % m.id)["n"] for m in meters}
            assert all(0 <= after[i] - before[i] <= 1 for i in before), (before, after)

        def quality():
            for meter in meters:
                end = time.monotonic() + 60
                while not (records := daemon.data(meter.id, "ElMomentQuality")["records"]):
                    assert time.monotonic() < end, "meter %s: no quality slice" % meter.id
                    time.sleep(0.2)
                values = records[-1]["values"]
                assert 180 < values["UA"] < 260 and 49 < values["Freq"] < 51, (meter.id, values)

        report.case("serial numbers are known", serials)
        report.case("consumption is derived from readings", consumption)
        report.case("reading again changes nothing", again)
        report.case("quality slices are there", quality)
        report.case("the daemon ends cleanly", lambda: (daemon.stop() == 0) or 1 / 0)
        street.stop()
    report.end()


main()
