#!/usr/bin/env python3
"""СПОДЭС meters over HDLC on a line, HDLC through TCP and the TCP wrapper, under every authentication and
frame size: archives and journals are the model's; orders, calendars, keys, counters after a crash."""

import calendar
import json
import os
import signal
import time
import urllib.error
import urllib.request

import street_check
from spodes_rows import AK, FAST, GMAC, SECRET, as_csv, entry, fitted, frames
from uspd import Daemon, Directory, Report, Street


# On the line: every size of frames, and each authentication once.
LINE = [
    frames(64, pdu=128), frames(128, pdu=100), frames(128, window=3, pdu=8192, options="hdlc_window=3"),
    frames(248, pdu=1024, auth_reader="none"), frames(1024, pdu=4096, auth_reader="hls2", password=SECRET),
    frames(2030, pdu=8192, options="hdlc_info=2030", **GMAC),
    frames(128, window=7, pdu=8192, options="hdlc_window=7", auth_reader="gmac", auth_configurator="gmac",
           security="both"),
]
TCP = [frames(1024, pdu=4096), frames(128, **GMAC)]
WRAPPER = [dict(GMAC, max_pdu=1024), {"auth_reader": "none"}, {"max_pdu": 8192},
           {"auth_reader": "hls2", "password": SECRET, "max_pdu": 100}]
WRONG = [("spodes", {}, "password"), ("spodes", dict(GMAC), "key"),
         ("spodes", {"auth_reader": "hls2", "password": SECRET}, "secret")]


def made_street():
    line = [entry(72000001 + i, address=17 + i, **keys) for i, keys in enumerate(LINE)]
    line[0]["outages"] = [[-3 * 86400 + 5000, -3 * 86400 + 5900]]
    line += [entry(72000101, "spodes-mercury", address=101), entry(72000102, "spodes-rim", address=102)]
    buses = [{"name": "Iface1", "pty": True, "speed": FAST, "meters": line}]
    for i, keys in enumerate(TCP):
        buses.append({"name": "tcp%d" % i, "tcp": "127.0.0.1:0", "speed": FAST,
                      "meters": [entry(72001001 + i, address=16, **keys)]})
    for i, keys in enumerate(WRAPPER):
        buses.append({"name": "wrap%d" % i, "tcp": "127.0.0.1:0", "speed": FAST,
                      "meters": [entry(72002001 + i, address=16, transport="wrapper", **keys)]})
    buses.append({"name": "Iface2", "pty": True, "speed": FAST, "meters": [
        entry(72003001 + i, kind, address=17 + i, **keys) for i, (kind, keys, _) in enumerate(WRONG)]})
    buses.append({"name": "Iface3", "pty": True, "speed": FAST, "meters": [
        entry(72004001, address=17, clock_offset_s=40), entry(72004002, address=18, clock_offset_s=4000)]})
    return {"tz_min": 180, "history_days": 40, "buses": buses}


STREET = made_street()


def table(street):
    entries = [e for bus in STREET["buses"] for e in bus["meters"]]
    options = [k.get("options", "") for k in LINE] + [""] * (len(entries) - len(LINE))
    rows = [fitted(r, e, o) for r, e, o in zip(street.meters(), entries, options)]
    for row, (_, _, what) in zip([r for r in rows if r["iface"] == "Iface2"], WRONG):
        row["pass_rd"] = {"password": b"654321".hex(), "secret": b"ABCDEF1234567890".hex(),
                          "key": (bytes(16) + AK).hex()}[what]
    return rows


class Box:
    def __init__(self, directory):
        self.directory = directory
        self.log = os.path.join(directory, "sim.log")
        self.street = Street(directory, STREET, "--unpaced", "--log", self.log)
        self.daemon = Daemon(directory, self.street.links)
        self.rows = table(self.street)
        self.daemon.put_settings(poll__backfill_days=12, poll__journal_min=1440, poll__quality_min=30,
                                 poll__moment_min=30, clock__correct=1)
        self.daemon.import_meters(as_csv(self.rows))
        meters = street_check.street_meters(STREET, self.street.ready, self.rows)
        self.wrong = [m for m in meters if m.serial_text.startswith("72003")]
        self.clocks = [m for m in meters if m.serial_text.startswith("72004")]
        self.good = [m for m in meters if m not in self.wrong + self.clocks]

    def smart(self, path, body, method="POST"):
        request = urllib.request.Request("http://127.0.0.1:%d/%s" % (self.daemon.http, path),
                                         data=json.dumps(body).encode(), method=method)
        request.add_header("Authorization", "Bearer " + self.daemon.find_token())
        request.add_header("Content-Type", "application/json")
        request.add_header("X-Protocol-USPD", "40")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def ordered(self, path, body):
        status, answer = self.smart("meter/settings/" + path, body)
        assert (status, answer) == (200, {"res": 0}), (path, status, answer)

    def moment(self, meter, measure):
        status, answer = self.smart("meter/data/moment", {"ids": [int(meter.id)], "measures": [measure]})
        assert status == 200, (status, answer)
        device = answer["measures"][0]["devices"][0]
        assert "error" not in device, device
        return [(t["tag"], t["val"]) for v in device["vals"] for t in v["tags"]]

    def state(self, meter):
        return next(r for r in self.daemon.get("meters?limit=1000")["rows"] if str(r["id"]) == str(meter.id))

    # ---- cases ----

    def fills(self):
        end = time.monotonic() + 45
        ids = {str(m.id) for m in self.good}
        while True:
            self.daemon.get("status")       # counts anew what is missing
            rows = [r for r in self.daemon.get("meters?limit=1000")["rows"] if str(r["id"]) in ids]
            left = [(r["id"], r["state"], r["missing"], r["error"]) for r in rows
                    if r["state"] != "ok" or r["missing"] or not r["wanted"]]
            if not left:
                return
            assert time.monotonic() < end, (left, self.daemon.drain()[-20:])
            time.sleep(0.3)

    def records(self):
        print("     ", street_check.check_street(self.daemon, STREET, self.good), "records")

    def journals(self):
        end = time.monotonic() + 20
        while any(not self.daemon.data(m.id, "ElJrnlTimeCorr")["records"] for m in self.good):
            assert time.monotonic() < end, "no journals"
            time.sleep(0.3)
        now, wrong, n = int(time.time()), [], 0
        for meter in self.good:
            n += street_check.check_journals(self.daemon, meter, now, 10800, wrong)
        assert not wrong, "%d wrong: %s" % (len(wrong), "; ".join(wrong[:4]))
        print("     ", n, "events")

    def wrong_keys(self):
        for meter in self.wrong:
            row = self.state(meter)
            assert row["state"] == "password", row
            for kind in ("ElDayEnergy", "ElArr1ConsPower", "ElMomentQuality", "ElConfig"):
                records = self.daemon.data(meter.id, kind)["records"]
                assert not records, (meter.id, kind, records[:1])

    def relay(self):
        for meter in self.good[1], self.good[5], self.good[-1]:
            for state in (0, 1):
                self.ordered("relay", {"id": int(meter.id), "relayId": 1, "relayState": state})
                tags = dict(self.moment(meter, "GetRelay"))
                assert tags == {"relayId": 1, "relayState": state}, (meter.id, tags)
            status, answer = self.smart("meter/settings/relay", {"id": int(meter.id), "relayId": 2, "relayState": 1})
            assert status == 500, (status, answer)

    def clocks_are_right(self):
        near, far = self.clocks
        end = time.monotonic() + 20
        while self.state(near)["diff"] not in (-1, 0, 1):   # the poller shifts what is little
            assert time.monotonic() < end, self.state(near)
            time.sleep(0.3)
        self.ordered("time", {"id": int(far.id)})
        assert abs(self.state(far)["diff"]) <= 1, self.state(far)

    def calendar(self):
        for meter in self.good[0], self.good[5], self.good[-4]:
            self.write_calendar(meter)

    def write_calendar(self, meter):
        number = {"id": int(meter.id), "type": "Passive"}
        plan = [(d, h, t) for d in (1, 2) for h, t in ((0, 2), (7, 1), (10, 3), (17, 1), (21, 3), (23, 2))]
        days = [{"dayId": d, "ScriptName": "00000A0064FF", "ScriptSelector": t, "hour": h, "minute": 0, "second": 0}
                for d, h, t in plan]
        weeks = [dict({"WeekName": w, "saturday": 2, "sunday": 2},
                      **{d: 1 for d in ("monday", "tuesday", "wednesday", "thursday", "friday")}) for w in ("57", "58")]
        seasons = [{"SeasonName": "5331", "WeekName": "57", "SeasonStart": self.local(1, 1)},
                   {"SeasonName": "5332", "WeekName": "58", "SeasonStart": self.local(6, 15)}]
        parts = [("week", weeks, "Week"), ("day", days[::-1], "Day"), ("season", seasons, "Season"),
                 ("name", [{"CalendarName": "57494E544552"}], "Name")]
        for path, rows, _ in parts:
            self.ordered("calendar/" + path, dict(number, settings=rows))
        self.ordered("calendar/time", {"id": int(meter.id), "settings": [{"ActivateTime": self.local(12, 31)}]})
        for _, rows, name in parts:
            self.same_part(meter, "ElCalendar%sPassive" % name, days if rows == days[::-1] else rows)
        self.same_part(meter, "ElCalendarActivateTime", [{"ActivateTime": self.local(12, 31)}])
        assert ("CalendarName", "57494E544552") not in self.moment(meter, "ElCalendarNameActive")
        self.ordered("calendar/activate", {"id": int(meter.id)})
        for _, rows, name in parts:
            self.same_part(meter, "ElCalendar%sActive" % name, days if rows == days[::-1] else rows)
        status, answer = self.smart("meter/settings/calendar/name", dict(
            number, type="Active", settings=[{"CalendarName": "41"}]))
        assert status == 500 and answer["where"] == "/type", (status, answer)
        for bad in ([{"CalendarName": "41" * 16}], [{"CalendarName": "41"}] * 2):
            status, answer = self.smart("meter/settings/calendar/name", dict(number, settings=bad))
            assert status == 422, (status, answer)

    @staticmethod
    def local(month, day):
        return calendar.timegm((time.gmtime().tm_year, month, day, 0, 0, 0)) - 10800

    def same_part(self, meter, measure, rows):
        got = self.moment(meter, measure)
        wanted = [(tag, val) for row in rows for tag, val in row.items()]
        n = len(rows[0])
        assert [dict(got[i:i + n]) for i in range(0, len(got), n)] == rows, (measure, got[:8], wanted[:8])

    def crash(self):
        """The counters of ciphering go on above all that were used: no meter sees one twice."""
        for _ in range(3):
            self.daemon.child.send_signal(signal.SIGKILL)
            self.daemon.child.wait()
            self.daemon = Daemon(self.directory, self.street.links, data=self.daemon.data_dir)
            ciphered = [m for m in self.good if m.entry.get("security")]
            for meter in ciphered:
                self.moment(meter, "GetTime")

    def replays(self):
        self.street.stop()
        with open(self.log, encoding="utf-8") as f:
            lines = [json.loads(line) for line in f if line.startswith("{")]
        counts = {line["meter"]: line for line in lines if "meter" in line}
        for meter in self.good:
            assert counts[meter.serial_text].get("replays") == 0, counts[meter.serial_text]


def main():
    report = Report()
    with Directory() as directory:
        box = Box(directory)
        report.case("the archives fill", box.fills)
        report.case("every record is the model's", box.records)
        report.case("every event of the logs is in its journals", box.journals)
        report.case("with a wrong key nothing is stored and a person is told", box.wrong_keys)
        report.case("a relay is switched and read back", box.relay)
        report.case("clocks are shifted and set", box.clocks_are_right)
        report.case("a calendar is written, read back and activated", box.calendar)
        report.case("after a crash no meter refuses a counter", box.crash)
        report.case("the daemon ends cleanly", lambda: (box.daemon.stop() == 0) or 1 / 0)
        report.case("no counter was used twice", box.replays)
    report.end()


main()
