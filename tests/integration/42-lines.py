#!/usr/bin/env python3
"""A tty that vanishes and returns, and one that is not there at the start: the other buses go on, no
meter is said to be lost, the journal tells of the device, and polling resumes by itself."""

import os
import time

import street_check
from uspd import Daemon, Directory, Report, Street

VANISH = [3, 6]
STREET = {
    "tz_min": 180, "history_days": 8,
    "buses": [
        {"name": "Iface1", "pty": True, "speed": 9600, "vanish_s": VANISH, "meters": [
            {"type": "mercury230", "count": 6, "first_address": 1, "first_serial": "63000001"}]},
        {"name": "Iface2", "pty": True, "speed": 9600, "meters": [
            {"type": "mercury236", "count": 9, "first_address": 1, "first_serial": "63000101"}]},
        {"name": "spare", "iface": "Iface3", "pty": True, "meters": [
            {"type": "mercury236", "count": 2, "first_address": 1, "first_serial": "63000201"},
            {"type": "ce303", "serial": "009114263000001"}]},
    ],
}


class Lines:
    def __init__(self, directory):
        self.street = Street(directory, STREET)
        self.later = os.path.join(directory, "later")
        board = Daemon.board_of(self.street.links)
        board["lines"]["Iface3"] = {"tty": self.later}
        self.daemon = Daemon(directory, board=board)
        self.meters = street_check.street_meters(STREET, self.street.ready, self.street.meters())

    def buses(self):
        return {bus["bus"]: bus for bus in self.daemon.get("status")["buses"]}

    def wait_state(self, name, states, seconds=20):
        end = time.monotonic() + seconds
        while (bus := self.buses()[name])["state"] not in states:
            assert time.monotonic() < end, bus
            time.sleep(0.05)

    def journal(self, name):
        """What the system journal says of a bus, oldest first."""
        return [row["text"].split(";")[0] for row in self.daemon.get("journal/system")["rows"]
                if row["unit"] == name]

    def wait_journal(self, name, wanted, seconds=20):
        end = time.monotonic() + seconds
        while self.journal(name) != wanted:
            assert time.monotonic() < end, (self.journal(name), wanted)
            time.sleep(0.1)

    # ---- cases, in order ----

    def missing_at_start(self):
        self.daemon.put_settings(poll__backfill_days=2, poll__journal_min=0)
        self.daemon.import_meters(self.street.meters_csv())
        self.wait_state("Iface3", ["no device"])
        self.wait_journal("Iface3", ["device missing"])

    def vanishes(self):
        assert self.buses()["Iface1"]["answers"] > 0, "gone before the first answer"
        self.wait_state("Iface1", ["no device"])
        self.wait_journal("Iface1", ["device missing"])

    def others_go_on(self):
        before = self.buses()["Iface2"]["answers"]
        end = time.monotonic() + 10
        while self.buses()["Iface2"]["answers"] < before + 20:
            assert time.monotonic() < end, "Iface2 stands still"
            time.sleep(0.1)
        assert self.buses()["Iface1"]["state"] == "no device"

    def appears(self):
        os.symlink(os.path.join(self.street.links, "spare"), self.later)
        self.wait_journal("Iface3", ["device missing", "device is there again"])

    def returns(self):
        self.wait_journal("Iface1", ["device missing", "device is there again"])
        self.wait_state("Iface1", ["poll", "idle"], 2)

    def completes(self):
        self.daemon.wait_complete(60)
        print(street_check.check_street(self.daemon, STREET, self.meters), "records")

    def nobody_was_lost(self):
        answers = self.daemon.get("journal/meter/answ")["rows"]
        assert all(row["answer"] for row in answers), [r for r in answers if not r["answer"]]
        assert sorted(r["idMeter"] for r in answers) == sorted(int(m.id) for m in self.meters), answers
        rows = self.daemon.get("meters?limit=100")["rows"]
        assert {row["state"] for row in rows} == {"ok"}, rows
        for name in ("Iface1", "Iface3"):
            assert self.journal(name) == ["device missing", "device is there again"], self.journal(name)
        assert self.journal("Iface2") == []

    def ends(self):
        assert self.daemon.stop() == 0
        self.street.stop()


def main():
    report = Report()
    with Directory() as directory:
        lines = Lines(directory)
        for name, case in (("a device is missing at the start", lines.missing_at_start),
                           ("a device vanishes", lines.vanishes),
                           ("other buses go on", lines.others_go_on),
                           ("the missing device appears", lines.appears),
                           ("the vanished device returns", lines.returns),
                           ("everything is read", lines.completes),
                           ("no meter was said to be lost", lines.nobody_was_lost),
                           ("the end", lines.ends)):
            report.case(name, case)
    report.end()


main()
