#!/usr/bin/env python3
"""The meter table by command line and HTTP: adding, importing, removing, moved and exchanged meters,
types without a driver; and settings that take effect without a restart."""

import csv
import io
import json
import os
import subprocess
import time

import rtu327_client as rtu
import street_check
from uspd import BIN, Daemon, Directory, Report, Street, same, wait_until

TZ, DAY, SLOT = 180 * 60, 86400, 1800
EXCHANGE_S, NEW_SERIAL = 20, "64000999"
STREET = {
    "tz_min": TZ // 60, "history_days": 8,
    "buses": [
        {"name": "Iface1", "pty": True, "meters": [
            {"type": "mercury230", "count": 4, "first_address": 1, "first_serial": "64000001"},
            {"type": "mercury236", "address": 10, "serial": "64000010",
             "replace": {"after_s": EXCHANGE_S, "serial": NEW_SERIAL}},
            # The same meter under two addresses: as if somebody had given it another one.
            {"type": "mercury230", "address": 50, "serial": "64000050"},
            {"type": "mercury230", "address": 51, "serial": "64000050"}]},
        {"name": "Iface2", "pty": True, "meters": [
            {"type": "ce303", "count": 2, "first_serial": "009114264000001"}]},
        {"name": "gate", "tcp": "127.0.0.1:0", "meters": [
            {"type": "mercury236", "address": 72, "serial": "64000072"}]},
    ],
}
EXCHANGED, MOVED, MOVED_TO = "64000010", "64000050", "51"
KINDS = ("ElDayEnergy", "ElMonthEnergy", "ElArr1ConsPower", "ElMomentEnergy", "ElMomentQuality",
         "ElDayConsEnergy", "ElMonthConsEnergy", "ElJrnl", "ElConfig")


class Table:
    def __init__(self, directory):
        self.directory = directory
        self.street = Street(directory, STREET, "--unpaced")
        self.started = time.monotonic()
        self.rows = [r for r in self.street.meters() if r["addr"] != MOVED_TO]
        self.daemon = Daemon(directory, self.street.links)
        self.daemon.put_settings(poll__backfill_days=3, poll__journal_min=0)

    # ---- ways to the daemon ----

    def ctl(self, *words, code=0):
        done = subprocess.run([os.path.join(BIN, "uspdctl"), "--url", "http://127.0.0.1:%d" % self.daemon.http,
                               *words], capture_output=True, text=True, timeout=30)
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout if code == 0 else done.stderr

    def post(self, path, body, wanted=200):
        if isinstance(body, str):
            status, answer = self.daemon.call("POST", path, body.encode(), "text/csv")
        else:
            status, answer = self.daemon.call("POST", path, json.dumps(body).encode())
        assert status == wanted, (path, status, answer[:400])
        return json.loads(answer)

    def csv_of(self, rows):
        out = io.StringIO()
        writer = csv.DictWriter(out, self.rows[0].keys(), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
        return out.getvalue()

    def file_of(self, rows):
        path = os.path.join(self.directory, "table.csv")
        with open(path, "w", encoding="utf-8") as f:
            f.write(rows if isinstance(rows, str) else self.csv_of(rows))
        return path

    def table(self):
        return {str(r["id"]): r for r in self.daemon.get("meters?limit=0")["rows"]}

    def setup(self):
        """What a person entered, without what the daemon learned."""
        return [{k: r[k] for k in ("id", "index", "type", "addr", "iface", "cfg", "group", "note")}
                for r in self.table().values()]

    @staticmethod
    def passwords(text):
        return [row[6:8] for row in csv.reader(io.StringIO(text), delimiter=";")]

    def row_of(self, serial):
        return next(r for r in self.rows if r["serial"] == serial)

    def meter(self, serial):
        """The model of the meter of this serial number."""
        meter = next(m for m in street_check.street_meters(STREET, self.street.ready, self.street.meters())
                     if m.serial_text == serial)
        meter.id = self.row_of(serial)["id"]
        return meter

    def stored(self, meter_id):
        return {kind: self.daemon.data(meter_id, kind)["records"] for kind in KINDS}

    def exchanges(self):
        return sum(b["exchanges"] for b in self.daemon.get("status")["buses"])

    def stands_still(self):
        """No exchange for a while, after those in progress have ended."""
        counts = []

        def quiet():
            counts.append(self.exchanges())
            return len(counts) > 15 and len(set(counts[-15:])) == 1

        wait_until("quiet buses", quiet, 20)

    def commands(self):
        same(self.table(), {}, "table at first")
        first = self.rows[0]
        shown = self.ctl("meter", "add", "id=" + first["id"], "type=Mercury23x", "addr=" + first["addr"],
                         "iface=Iface1", "note=first")
        assert shown.startswith("done: 1 added"), shown
        made = self.post("meters", {"id": int(self.rows[1]["id"]), "type": "Mercury23x", "iface": "Iface1",
                                    "addr": self.rows[1]["addr"]})
        same((made["added"], made["changed"], made["applied"]), (1, 0, True))
        made = self.post("meters", [{"type": "Mercury23x", "iface": "Iface1", "addr": self.rows[2]["addr"]}])
        same([c["id"] for c in made["changes"]], [3], "an id is given")
        same(sorted(self.table()), ["1", "2", "3"])
        same(self.table()["1"]["note"], "first")
        listed = json.loads(self.ctl("--json", "meter", "list"))
        same([r["id"] for r in listed["rows"]], [1, 2, 3])
        assert "3 meters" in self.ctl("meter", "list")
        assert "Iface1" in self.ctl("meter", "list", "first") and "1 meters" in self.ctl("meter", "list", "first")
        # They are polled at once; serial numbers are learned, not entered.
        wait_until("serial numbers", lambda: {r["serial"] for r in self.table().values()} ==
                   {r["serial"] for r in self.rows[:3]})
        before = self.setup()
        for body, where in (({"type": "Mercury99", "addr": "1", "iface": "Iface1"}, "/type"),
                            ([{"type": "Mercury23x", "addr": "9"}], "/0/iface"),
                            ([{"type": "Mercury23x", "addr": "9", "iface": "Iface1"}, {"id": 0}], "/1/id"),
                            ({"addres": "9"}, "/"), ([5], "/0")):
            answer = self.post("meters", body, 422)
            assert where in [e["where"] for e in answer["errors"]], answer
        assert "unknown type" in self.ctl("meter", "add", "type=Mercury99", "addr=1", "iface=Iface1", code=1)
        self.ctl("meter", "add", "type", code=2)
        assert "no meter 77" in self.ctl("meter", "remove", "77", code=1)
        same(self.setup(), before, "table after refusals")

    def dry_run(self):
        before = self.setup()
        good = self.file_of(self.rows)
        shown = self.ctl("meter", "import", good, "--dry-run")
        assert shown.startswith("would be: %d added, 3 changed" % (len(self.rows) - 3)), shown
        answer = self.post("meters.csv?dry=1&mode=replace", self.csv_of(self.rows[1:]))
        same((answer["applied"], answer["removed"]), (False, 1))
        same(self.setup(), before, "table after a dry run")

    def faulty_rows(self):
        """Every fault is told with its row and column, and nothing of the file is applied."""
        before = self.setup()
        row = dict(self.rows[4], id="40")
        faults = [
            ("type", dict(row, type="Mercury99"), "Mercury99"),
            ("addr", dict(row, id="41", addr=""), "missing"),
            ("iface", dict(row, id="42", iface="Iface9"), "Iface9"),
            ("id", dict(row, id="x1"), "x1"),
            ("pass_rd", dict(row, id="44", pass_rd="01010101010"), "odd number"),
            ("cfg", dict(row, id="45", cfg="9600,9x1"), "9600,9x1"),
            ("rtu_num", dict(row, id="46", rtu_num="7a"), "7a"),
            ("addr", dict(row, id="47", iface="Ethernet", addr="10.0.0.1"), "host:port"),
            ("id", dict(row, id="1"), "stands in row"),
            ("note", dict(row, id="48", note="n" * 64), "longer than 63"),
        ]
        for dry in (True, False):
            for column, bad, words in faults:
                # The first row is good and new; the faulty one is row 4 of the file.
                text = self.csv_of([dict(row, id="60"), dict(self.rows[0], note="changed"), bad])
                answer = self.post("meters.csv" + ("?dry=1" if dry else ""), text, 422)
                told = [(e["row"], e["where"]) for e in answer["errors"]]
                same(told, [(4, "row 4, column " + column)], words)
                assert words in answer["errors"][0]["text"], answer
        together = self.csv_of([bad for _, bad, _ in faults[:3]])
        answer = self.post("meters.csv", together, 422)
        same([e["where"] for e in answer["errors"]],
             ["row 2, column type", "row 3, column addr", "row 4, column iface"], "all faults")
        same(answer["n_errors"], 3)
        for dry in ([], ["--dry-run"]):
            shown = self.ctl("meter", "import", self.file_of(together), *dry, code=1)
            for words in ("row 2, column type: ", "row 3, column addr: ", "row 4, column iface: ",
                          "faults: 3; nothing was changed"):
                assert words in shown, (words, shown)
        for text in ("", "no;such;columns\n1;2;3\n", "\0\0\0", "id;type;addr;iface\n" + ";;;\n" * 3):
            status, answer = self.daemon.call("POST", "meters.csv?mode=replace", text.encode(), "text/csv")
            assert status in (400, 422), (text, status, answer)
        same(self.setup(), before, "table after refusals")

    def merge(self):
        answer = self.post("meters.csv", self.csv_of(self.rows))
        same((answer["added"], answer["removed"]), (len(self.rows) - 3, 0))
        same(self.post("meters.csv", self.csv_of(self.rows))["unchanged"], len(self.rows), "the same file again")
        exported = self.ctl("meter", "export", "--passwords")
        shown = self.ctl("meter", "import", self.file_of(exported), "--replace")
        assert shown.endswith("0 added, 0 changed, 0 removed, %d as they were\n" % len(self.rows)), shown
        assert "010101010101" in exported and "010101010101" not in self.ctl("meter", "export")
        # A file without passwords does not remove them.
        self.ctl("meter", "import", self.file_of(self.ctl("meter", "export", "--english")), "--replace")
        same(self.passwords(self.ctl("meter", "export", "--passwords")), self.passwords(exported))
        part = dict(self.rows[3], note="merged")
        self.post("meters.csv", self.csv_of([part]))
        same(self.table()[part["id"]]["note"], "merged")
        same(len(self.table()), len(self.rows), "merging one row")
        self.daemon.wait_complete(60)
        assert time.monotonic() < self.started + EXCHANGE_S, "too slow: the meter was exchanged already"

    def every_record(self):
        known = {r["serial"] for r in self.table().values() if r["state"] != "no driver"}
        same(known, {r["serial"] for r in self.rows}, "serial numbers")
        wrong = []
        for row in (r for r in self.rows if r["serial"] != NEW_SERIAL):	# that one is looked at below
            street_check.check_meter(self.daemon, self.meter(row["serial"]), TZ, wrong)
        assert not wrong, wrong[:3]

    def moved(self):
        """Another address for the same meter: the archive stays, and polling goes on there."""
        row = self.row_of(MOVED)
        before = self.stored(row["id"])
        index, answers = (self.table()[row["id"]][k] for k in ("index", "answers"))
        row["addr"] = MOVED_TO
        made = self.post("meters", {"id": int(row["id"]), "addr": MOVED_TO})
        same((made["added"], made["changed"]), (0, 1))
        now = self.table()[row["id"]]
        same((now["addr"], now["index"], now["type"]), (MOVED_TO, index, "Mercury23x"))
        wait_until("an answer at the new address", lambda: self.table()[row["id"]]["answers"] > answers)
        same(self.table()[row["id"]]["state"], "ok")
        after = self.stored(row["id"])
        for kind in ("ElDayEnergy", "ElArr1ConsPower", "ElDayConsEnergy"):
            same(after[kind][:len(before[kind])], before[kind], kind)
        assert not [r for r in self.daemon.get("journal/system")["rows"] if "serial number changed" in r["text"]]

    def no_driver(self):
        """A type that no driver serves is kept and shown, and never asked."""
        self.ctl("meter", "add", "id=200", "type=A1140", "addr=7", "iface=Iface2", "note=not ours")
        row = wait_until("the state", lambda: (r := self.table()["200"])["state"] == "no driver" and r)
        assert row["serial"] is None and row["last"] is None, row
        same(self.daemon.get("status")["totals"]["no_driver"], 1)
        same([r["id"] for r in self.daemon.get("meters?state=no%20driver")["rows"]], [200])
        assert "no driver" in self.ctl("meter", "list", "not ours")
        run = self.post("poll", {"ids": [200]})["run"]
        progress = wait_until("the order", lambda: (p := self.daemon.get("poll/%d" % run))["finished"] and p)
        same(progress["failed"], 1, "an order for it")
        row = self.table()["200"]
        same((row["tried"], row["answers"], row["failures"]), (None, 0, 0), "never asked")
        same(sum(len(v) for v in self.stored(200).values()), 0, "its archive")
        same([r for r in self.daemon.get("journal/meter/answ")["rows"] if r["idMeter"] == 200], [])

    def enabling(self):
        """poll.enabled takes effect in the middle of work, and orders by hand are still obeyed."""
        self.ctl("settings", "poll.enabled", "0")
        same(self.ctl("settings", "poll.enabled"), "0\n")
        self.stands_still()
        # New work changes nothing while it is off.
        self.daemon.put_settings(poll__backfill_days=6)
        missing = self.daemon.get("status")["totals"]["missing"]
        self.stands_still()
        assert wait_until("gaps", lambda: self.daemon.get("status")["totals"]["missing"]) >= missing
        before = self.exchanges()
        run = self.post("poll", {"ids": [1], "types": ["ElMomentEnergy"]})["run"]
        wait_until("the order", lambda: self.daemon.get("poll/%d" % run)["finished"])
        assert self.exchanges() > before, "an order by hand was not carried out"
        self.stands_still()
        self.ctl("settings", "poll.enabled", "1")
        self.daemon.wait_complete(60)
        same(self.ctl("settings", "poll.enabled", "2", code=1).strip()[:7], "uspdctl")
        self.every_record()

    def removed(self):
        """Removing purges the archive in the background; its place is not given away before."""
        serial = self.rows[3]["serial"]
        gone = self.table()[self.rows[3]["id"]]
        assert self.daemon.data(gone["id"], "ElArr1ConsPower")["n"] > 100
        shown = self.ctl("meter", "remove", str(gone["id"]))
        assert "removed" in shown
        # At once another one under the same id: not the archive of the one that was there.
        self.ctl("settings", "poll.enabled", "0")
        self.post("meters", {"id": gone["id"], "type": "Mercury23x", "addr": "240", "iface": "Iface1"})
        same(sum(len(v) for v in self.stored(gone["id"]).values()), 0, "archive of the new meter")
        with rtu.Client(("127.0.0.1", self.daemon.rtu327)) as c:
            wait_until("code 4 for " + serial, lambda: self.refused(c, serial))
        self.daemon.wait_line("archive of the removed meter is gone")
        # When the archive is gone its place may be used again, and is empty.
        self.post("meters", [{"id": 300 + i, "type": "Mercury23x", "addr": "24%d" % (i + 1), "iface": "Iface1"}
                             for i in range(3)])
        table = self.table()
        indexes = [r["index"] for r in table.values()]
        same(len(set(indexes)), len(indexes), "indexes")
        assert gone["index"] in [table[str(i)]["index"] for i in (300, 301, 302, gone["id"])], (gone, table)
        for i in (300, 301, 302, gone["id"]):
            same(sum(len(v) for v in self.stored(i).values()), 0, "archive of meter %d" % i)
            same(table[str(i)]["serial"], None)
        self.ctl("meter", "remove", "300", "301", "302", str(gone["id"]))
        self.rows.pop(3)
        shown = self.ctl("meter", "import", self.file_of(self.rows), "--replace")
        assert "1 removed" in shown, shown		# the one without a driver
        same(sorted(self.table(), key=int), [r["id"] for r in self.rows])
        self.ctl("settings", "poll.enabled", "1")
        self.daemon.wait_complete(60)
        self.every_record()

    @staticmethod
    def refused(client, key):
        try:
            client.shprm(key[-10:])
        except rtu.Refused as refused:
            same(refused.code, rtu.NO_METER, "GETSHPRM")
            return True
        return False

    def exchanged(self):
        """Another meter at the same address: its records begin at the change, the old ones stay."""
        row = self.row_of(EXCHANGED)
        before = self.stored(row["id"])
        wait_until("the exchange", lambda: time.monotonic() > self.started + EXCHANGE_S + 0.5, EXCHANGE_S + 1)
        # A change of the row makes the poller ask who is there.
        moment = int(time.time())
        self.post("meters", {"id": int(row["id"]), "note": "exchanged"})
        wait_until("the new serial number", lambda: self.table()[row["id"]]["serial"] == NEW_SERIAL)
        rows = wait_until("the journal", lambda: [
            r for r in self.daemon.get("journal/system")["rows"] if "serial number changed" in r["text"]])
        same([r["text"] for r in rows],
             ["meter %s: serial number changed %s -> %s" % (row["id"], EXCHANGED, NEW_SERIAL)])
        # Even when it is asked for: what lies before the change belongs to the other meter.
        run = self.post("poll", {"ids": [int(row["id"])], "again": True, "from": moment - 3 * DAY,
                                 "types": ["ElDayEnergy", "ElMonthEnergy", "ElArr1ConsPower", "ElDayConsEnergy",
                                           "ElMomentEnergy"]})["run"]
        wait_until("the order", lambda: self.daemon.get("poll/%d" % run)["finished"])
        wait_until("commit", lambda: self.daemon.get("status")["store"]["queued"] == 0)
        after = self.stored(row["id"])
        for kind in ("ElDayEnergy", "ElMonthEnergy", "ElArr1ConsPower", "ElDayConsEnergy", "ElMonthConsEnergy"):
            same([r for r in after[kind] if r["ts"] <= moment], before[kind], kind)
        same([r for r in after["ElMomentEnergy"] if r["ts"] < moment], before["ElMomentEnergy"])
        new = self.meter(EXCHANGED)
        new.serial = int(NEW_SERIAL)
        latest = after["ElMomentEnergy"][-1]
        low, high = (new.energy("A+", 0, latest["ts"] + TZ + s) for s in (-5, 2))
        assert low <= round(latest["values"]["A+0"] * 1000) <= high, (low, latest, high)
        same(after["ElConfig"][-1]["values"]["serial"], NEW_SERIAL)
        same(self.daemon.get("status")["totals"]["missing"], 0, "missing")
        row["serial"] = NEW_SERIAL
        with rtu.Client(("127.0.0.1", self.daemon.rtu327)) as c:
            wait_until("the new number for head-ends", lambda: not self.refused(c, NEW_SERIAL), 10)
            wait_until("code 4 for the old number", lambda: self.refused(c, EXCHANGED), 30)

    def restarts(self):
        """Everything that was set and learned is there again after a restart."""
        before, settings = self.setup(), self.daemon.get("settings")
        serials = {i: r["serial"] for i, r in self.table().items()}
        assert self.daemon.stop() == 0
        self.daemon = Daemon(self.directory, self.street.links)
        same(self.setup(), before, "table")
        same({i: r["serial"] for i, r in self.table().items()}, serials)
        same(self.daemon.get("settings"), settings)
        self.daemon.wait_complete(60)
        assert self.daemon.stop() == 0


def main():
    report = Report()
    with Directory() as directory:
        table = Table(directory)
        for name, case in (
                ("meters are added by command and by HTTP", table.commands), ("a dry run", table.dry_run),
                ("faulty rows", table.faulty_rows), ("merging", table.merge),
                ("every record is the model's", table.every_record),
                ("a meter gets another address", table.moved), ("a type without a driver", table.no_driver),
                ("a meter is exchanged", table.exchanged),
                ("poll.enabled", table.enabling), ("a meter is removed", table.removed),
                ("a restart", table.restarts)):
            report.case(name, case)
        table.street.stop()
    report.end()


main()
