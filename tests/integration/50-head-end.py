#!/usr/bin/env python3
"""A head-end reads every meter of a polled street over RTU-327: each value is the model's."""

import csv
import datetime
import io
import json
import os
import random
import re
import struct
import subprocess
import threading
import time

import rtu327_client as rtu
import street_check
import street_events
import street_model
from uspd import BIN, Daemon, Directory, Report, Street, same, wait_until

TZ = 180 * 60
DAY, SLOT, DELAY = 86400, 1800, 20
CHANNELS = rtu.CHANNELS
STREET = {
    "tz_min": TZ // 60, "history_days": 12,
    "buses": [
        {"name": "Iface1", "pty": True, "meters": [
            {"type": "mercury230", "count": 2, "first_address": 1, "first_serial": "50000001",
             "ratio_u": 60, "ratio_i": 200},
            {"type": "mercury236", "address": 72, "serial": "50000072",
             "outages": [[-150000, -149000], [-40000, -28000], [-9000, -8200]]},
            {"type": "mercury230-217", "address": 17, "serial": "50000117"}]},
        {"name": "Iface2", "pty": True, "meters": [
            {"type": "ce303", "serial": "009114250000001", "outages": [[-60000, -50000]]},
            {"type": "ce301", "serial": "008841250000101"}]},
        {"name": "gate", "tcp": "127.0.0.1:0", "meters": [
            {"type": "mercury234", "address": 72, "serial": "50000272"}]},
    ],
}
TYPE_CODES = {"mercury": 15, "ce303": 13, "ce301": 100}


def kwh(thousandths):
    return rtu.MISSING if thousandths is None else thousandths / 1e6


def refusal(function, *args):
    try:
        result = function(*args)
    except rtu.Refused as refused:
        return refused.code
    raise AssertionError("answered %r" % (result,))


class HeadEnd:
    """The street, the daemon, and what the archive held at a moment."""

    def __init__(self, directory):
        self.street = Street(directory, STREET, "--unpaced")
        self.daemon = Daemon(directory, self.street.links)
        rows = self.street.meters()
        for number, row in enumerate(rows):
            row.update(rtu_type=str(number), rtu_num=str(100 + number), rtu_feeder=str(-number))
        self.meters = street_check.street_meters(STREET, self.street.ready, rows)
        for meter in self.meters:
            meter.key = meter.serial_text[-10:]
        self.rows = {row["id"]: row for row in rows}
        self.address = ("127.0.0.1", self.daemon.rtu327)
        self.newest = 0

    def start(self):
        self.daemon.put_settings(poll__backfill_days=4, poll__quality_min=30, poll__moment_min=30,
                                 clock__correct=0, rtu__frame_timeout_s=1)
        table = io.StringIO()
        writer = csv.DictWriter(table, next(iter(self.rows.values())).keys(), delimiter=";")
        writer.writeheader()
        writer.writerows(self.rows.values())
        self.daemon.import_meters(table.getvalue())
        self.daemon.wait_complete(60)
        self.newest = (int(time.time()) - DELAY) // SLOT * SLOT
        with self.client() as c:
            for meter in self.meters:
                wait_until("serial number " + meter.key, lambda m=meter: self.knows(c, m.key))

    @staticmethod
    def knows(client, key):
        try:
            return client.shprm(key)
        except rtu.Refused as refused:
            same(refused.code, rtu.NO_METER, "GETSHPRM")
            return None

    def client(self, **options):
        return rtu.Client(self.address, **options)

    def order(self, *types):
        """Polls all meters for these; the records are committed on return."""
        status, body = self.daemon.call("POST", "poll", json.dumps({"types": types}).encode())
        assert status == 200, (status, body)
        run = json.loads(body)["run"]
        progress = wait_until("end of a poll", lambda: (p := self.daemon.get("poll/%d" % run))["finished"]
                              and p, 30)
        assert progress["failed"] == 0, progress
        wait_until("commit", lambda: self.daemon.get("status")["store"]["queued"] == 0)

    def ctl(self, *words):
        done = subprocess.run([os.path.join(BIN, "uspdctl"), "--url", "http://127.0.0.1:%d" % self.daemon.http,
                               *words], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, (words, done.returncode, done.stderr)
        return done.stdout

    def ask(self, *words):
        """uspdctl rtu327: the JSON form and the cells of the table, which must say the same."""
        words = ("rtu327", "127.0.0.1:%d" % self.address[1], *words)
        made = json.loads(self.ctl(*words, "--json"))
        same(json.loads(self.ctl("--json", *words)), made, "--json before the command")
        lines = [re.split(r"\s{2,}", line.strip()) for line in self.ctl(*words).splitlines()]
        rows = made if isinstance(made, list) else [made]
        names = [head.split(" ")[0] for head in lines[0]] if lines else []	# a unit may follow
        shown = [{name: shown_value(name, text) for name, text in zip(names, line)} for line in lines[1:]]
        same(shown, rows, "table")
        return made

    # ---- what the model says ----

    def profile(self, meter, start):
        """[(stamp, {channel: kWh})] of all half hours that the meter has a record of.

        Without supply a CE has none, a Mercury one without values (poller.md 6.6, isMeas false).
        """
        made = []
        for stamp in range(-(-start // SLOT) * SLOT, self.newest + 1, SLOT):
            local = stamp + TZ
            if meter.is_mercury or street_model.off_seconds(local - SLOT, local, meter.outages) < SLOT:
                made.append((stamp, {c: kwh(None if (p := meter.power(c, local)) is None else p // 2)
                                     for c in CHANNELS}))
        return made

    def readings(self, meter, tariff=0):
        """Stamps of stored readings and the model's values at them."""
        stamps = sorted({r["ts"] for kind in ("ElDayEnergy", "ElMonthEnergy")
                         for r in self.daemon.data(meter.id, kind)["records"]})
        assert self.newest // DAY * DAY - TZ in stamps or stamps, "meter %s has no readings" % meter.id
        return [(s, {c: kwh(meter.energy(c, tariff, s + TZ)) for c in CHANNELS}) for s in stamps]


def shown_value(name, text):
    """What a cell of a table says."""
    if name == "time":
        return int(datetime.datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z").timestamp())
    if name in ("serial", "version") and len(text) > 1:
        return text
    return rtu.MISSING if text == "-" else float(text)


def midnight(h, days_ago=0):
    return (h.newest + TZ) // DAY * DAY - TZ - days_ago * DAY


# ---- cases ----

def device(h):
    with h.client() as c:
        same(c.version(), "020102", "GETVERSION")
        before = int(time.time())
        assert before <= c.time() <= int(time.time()), "GETTIME"
    same(h.ask("version"), {"version": "020102"}, "uspdctl version")
    told = json.loads(h.ctl("--json", "rtu327", "127.0.0.1:%d" % h.address[1], "time"))["time"]
    assert before <= told <= int(time.time()), "uspdctl time"


def parameters(h):
    with h.client() as c:
        for meter in h.meters:
            row = h.rows[meter.id]
            mercury = meter.is_mercury
            wanted = {"vers": 1, "type": TYPE_CODES["mercury" if mercury else meter.kind],
                      "kt": float(meter.entry.get("ratio_i", 1)), "kn": float(meter.entry.get("ratio_u", 1)),
                      "m": 1000.0 if mercury else 1.0, "interval": 30, "obj_type": int(row["rtu_type"]),
                      "obj_num": int(row["rtu_num"]), "feeder": int(row["rtu_feeder"])}
            same(c.shprm(meter.key), wanted, "GETSHPRM of meter %s" % meter.id)
            names = ("version", "type", "kt", "kn", "multiplier", "interval_min", "object_type",
                     "object", "feeder")
            same(h.ask("shprm", "--serial", meter.key), dict(zip(names, wanted.values())), "uspdctl")


def start_of_day(h):
    with h.client() as c:
        for meter in h.meters:
            stored = dict(h.readings(meter))
            assert midnight(h) in stored, "meter %s: no reading of today" % meter.id
            for days_ago in range(6):
                stamp = midnight(h, days_ago)
                wanted = stored.get(stamp, dict.fromkeys(CHANNELS, rtu.MISSING))
                same(c.pok(meter.key, stamp), wanted, "GETPOK of meter %s at %d" % (meter.id, stamp))
                for bit, name in enumerate(CHANNELS):
                    same(c.pok(meter.key, stamp, 0xF0 | 1 << bit), {name: wanted[name]}, "GETPOK " + name)
            same(set(c.pok(meter.key, midnight(h) + 1).values()), {rtu.MISSING}, "GETPOK beside a reading")
            shown = h.ask("pok", "--serial", meter.key, "--from", str(midnight(h)))
            same(shown, {"time": midnight(h), **stored[midnight(h)]}, "uspdctl pok")


def moment(h):
    """The third archive that GETPOK searches; the counter moves on while it is read."""
    with h.client() as c:
        for meter in h.meters:
            stamp = h.daemon.data(meter.id, "ElMomentEnergy")["records"][-1]["ts"]
            for name, value in c.pok(meter.key, stamp).items():
                low, high = (meter.energy(name, 0, stamp + TZ + s) for s in (-5, 2))
                if low is None:
                    same(value, rtu.MISSING, name)
                else:
                    low = low // 1000 * 1000	# a register of a Mercury shows whole Wh
                    assert low / 1e6 <= value <= high / 1e6, (meter.id, name, low, value, high)


def check_page(run, wanted, mask, what):
    """One reply against the head of the model's list; True when it is the whole of `wanted`."""
    stamps = [run["tlast"] - SLOT * i for i in range(len(run["intervals"]))][::-1]
    for (stamp, values), at, item in zip(wanted, stamps, run["intervals"]):
        same(at, stamp, what + " stamp")
        same(item, {**{c: values[c] for c in rtu.channels(mask)}, "stat": 0}, what + " at %d" % stamp)
    return len(stamps)


def equally_spaced(wanted):
    """How many half hours until the first gap."""
    n = 1
    while n < len(wanted) and wanted[n][0] - wanted[n - 1][0] == SLOT:
        n += 1
    return n


def profile(h):
    with h.client() as c:
        for meter in h.meters:
            for start in (midnight(h, 1), midnight(h, 1) + 18 * 60, midnight(h, 1) - 1):
                wanted = h.profile(meter, start)
                run = equally_spaced(wanted)
                for count in (1, 2, 21, 48, 1488):
                    for mask in (1, 2, 4, 8, 5, 15):
                        what = "GETLP of meter %s count %d mask %d" % (meter.id, count, mask)
                        reply = c.lp(meter.key, start, count, mask)
                        n = check_page(reply, wanted, mask, what)
                        same(reply["status"], 0, what + " status")
                        # A half hour may have ended since, so the last run can be longer.
                        assert n == min(count, run) or (run == len(wanted) and n > run), (what, n, run)


def paging(h):
    gaps = 0
    with h.client() as c:
        for meter in h.meters:
            wanted = h.profile(meter, midnight(h, 3))
            for size in (38, 1488):
                start, left = midnight(h, 3), wanted
                while left:
                    reply = c.lp(meter.key, start, size)
                    n = check_page(reply, left, 15, "page of meter %s" % meter.id)
                    assert n > 0
                    gaps += n < min(size, len(left))
                    left, start = left[n:], reply["tlast"] + 1
            assert refusal(c.lp, meter.key, h.newest + 2 * SLOT) == rtu.NO_MORE_DATA
            shown = h.ask("lp", "--serial", meter.key, "--from", str(midnight(h, 3)), "--to", str(h.newest))
            same(shown, [{"time": t, **v, "stat": 0} for t, v in wanted], "uspdctl lp")
    assert gaps >= 1, "no meter had a gap"


def filled(h):
    """rtu.lp_fill: half hours that a meter has no record of come as -1.0 with Stat 1."""
    h.daemon.put_settings(rtu__lp_fill=1)
    start = midnight(h, 2) + 1
    everything = range(-(-start // SLOT) * SLOT, h.newest + 1, SLOT)
    missing = 0

    def taken():
        with h.client() as c:
            reply = c.lp(h.meters[4].key, start, len(everything))
            return len(reply["intervals"]) == len(everything)

    wait_until("the setting", taken)
    with h.client() as c:
        for meter in h.meters:
            have = dict(h.profile(meter, start))
            items = c.lp(meter.key, start, len(everything))["intervals"]
            same(len(items), len(everything), "intervals of meter %s" % meter.id)
            for stamp, item in zip(everything, items):
                wanted = have.get(stamp, dict.fromkeys(CHANNELS, rtu.MISSING))
                same(item, {**wanted, "stat": int(stamp not in have)}, "at %d" % stamp)
                missing += stamp not in have
    assert missing >= 4, missing
    h.daemon.put_settings(rtu__lp_fill=0)


def fixed_readings(h):
    with h.client() as c:
        for meter in h.meters:
            by_tariff = [h.readings(meter, t) for t in range(5)]
            stamps = [s for s, _ in by_tariff[0]]
            for number, name in enumerate(CHANNELS, 1):
                records = c.autoread(meter.key, 0, number)
                same([r["time"] for r in records], stamps, "GETAUTOREAD of meter %s" % meter.id)
                for i, r in enumerate(records):
                    same(r["serial"], meter.key.zfill(10), "Nsh")
                    same(r["total"], by_tariff[0][i][1][name], "total " + name)
                    same([t["energy"] for t in r["tariffs"]],
                         [by_tariff[t][i][1][name] for t in range(1, 5)], "tariffs " + name)
                    rest = {t[k] for t in r["tariffs"] for k in ("max", "cum_max", "coinc_max")}
                    same(rest | set(r["quadrants"]), {rtu.MISSING}, "what is not kept")
                    same({t["max_time"] for t in r["tariffs"]}, {0}, "time of no maximum")
            # Clients send the second before midnight and get the reading after it, not before.
            same([r["time"] for r in c.autoread(meter.key, stamps[-1] - 1, 1)], stamps[-1:], "from")
            same(refusal(c.autoread, meter.key, stamps[-1], 1), rtu.NO_MORE_DATA, "a stamp itself")
            same(len(c.autoread(meter.key, 0, 1, 1)), 1, "a count of 1")
            shown = h.ask("autoread", "--serial", meter.key)
            same([(r["time"], r["total"], [r["T%d" % t] for t in range(1, 5)]) for r in shown],
                 [(s, by_tariff[0][i][1]["A+"], [by_tariff[t][i][1]["A+"] for t in range(1, 5)])
                  for i, s in enumerate(stamps)], "uspdctl autoread")


def meter_log(h):
    h.order("ElJrnl")
    now = int(time.time())
    with h.client() as c:
        for meter in h.meters:
            wanted = [(at - TZ, kind) for at, kind in street_events.exported(meter, now + TZ)]
            got = [(e["time"], e["type"]) for e in c.mtrlog(meter.key)]
            assert len(wanted) >= 20, (meter.id, len(wanted))
            same([t for t, _ in got], [t for t, _ in wanted], "GETMTRLOG of meter %s" % meter.id)
            same(sorted(got), wanted, "GETMTRLOG of meter %s" % meter.id)
            for start, count in ((wanted[0][0], 1), (wanted[5][0], 7), (wanted[5][0] + 1, 3), (0, 9)):
                some = [(e["time"], e["type"]) for e in c.mtrlog(meter.key, start, count)]
                later = [e for e in wanted if e[0] >= start]
                same([t for t, _ in some], [t for t, _ in later[:count]], "from %d" % start)
                assert set(some) <= set(later)
            same(refusal(c.mtrlog, meter.key, now + DAY), rtu.NO_MORE_DATA, "the future")
            shown = h.ask("mtrlog", "--serial", meter.key)
            same(sorted((r["time"], r["type"]) for r in shown), wanted, "uspdctl mtrlog")


def tests(h):
    for _ in range(2):
        second = int(time.time())
        wait_until("the next second", lambda: int(time.time()) > second)
        h.order("ElMomentQuality")
    bits = [b for b in rtu.QUALITY if b <= 13 or b >= 17]
    with h.client() as c:
        for meter in h.meters:
            stamps = [r["ts"] for r in h.daemon.data(meter.id, "ElMomentQuality")["records"]]
            reply = c.tests(meter.key)
            same((reply["bitstats"], reply["elements"]), (sum(1 << b for b in bits), 2), "head")
            same([s["time"] for s in reply["slices"]], stamps, "GETTESTS of meter %s" % meter.id)
            assert len(stamps) >= 3, stamps
            for piece in reply["slices"]:
                if (piece["time"] + TZ) % SLOT < 5:
                    continue		# the values changed while they were read
                model = street_events.quality(meter, piece["time"] + TZ)
                for bit in bits:
                    name = rtu.QUALITY[bit]
                    same(piece[name], model[name] / (1e6 if bit <= 6 else 1e3),
                         "meter %s %s" % (meter.id, name))
            same([s["time"] for s in c.tests(meter.key, stamps[1], 1)["slices"]], stamps[1:2], "one slice")
            same(refusal(c.tests, meter.key, stamps[-1] + 1), rtu.NO_MORE_DATA, "after the last")
            shown = h.ask("tests", "--serial", meter.key)
            same(shown, reply["slices"], "uspdctl tests")


def own_log(h):
    with h.client() as c:
        last = c.maxlogid()
        rows = c.log()
        assert last >= 1 and rows[-1]["id"] == last, (last, rows)
        same({r["code"] for r in rows}, {1}, "codes before the clock was moved")
        same(c.log(big_endian=True), rows, "big-endian GETLOG")
        same(refusal(c.log, last), rtu.NO_MORE_DATA, "after the last")
        same(h.ask("maxlogid"), {"id": last}, "uspdctl")
        same([r["id"] for r in h.ask("log")], [r["id"] for r in rows], "uspdctl")


def offset(c):
    """Device clock minus ours, in seconds; both are read within one second."""
    while True:
        before = int(time.time())
        told = c.time()
        if int(time.time()) == before:
            return told - before


def set_time(h):
    with h.client() as c:
        same(offset(c), 0, "before")
        last = c.maxlogid()
        c.settime(57, number=0x1234)
        same(offset(c), 57, "after SETTIME +57")
        c.settime(57, number=0x1234)
        same(offset(c), 57, "after the same request again")
        c.settime(0)
        same(offset(c), 57, "after SETTIME 0")
        new = wait_until("rows of the log", lambda: c.maxlogid() >= last + 2 and c.log(last))
        same([r["code"] for r in new], [2, 3], "codes")
        same(new[1]["time"] - new[0]["time"], 57, "times of the log")
        journal = h.daemon.get("journal/time")["rows"]
        same([r["source"] for r in journal], [1], "source in the journal")
        c.settime(-57, number=0x1235)
        same(offset(c), 0, "after SETTIME -57")
        same(refusal(c.settime, 3601), rtu.BAD_PARAMETERS, "more than the limit")
    h.ctl("rtu327", "127.0.0.1:%d" % h.address[1], "settime", "5")
    with h.client() as c:
        same(offset(c), 5, "after uspdctl settime 5")
    h.ctl("rtu327", "127.0.0.1:%d" % h.address[1], "settime", "-5")


def refusals(h):
    key = h.meters[0].key
    serial = rtu.bcd5(key)
    with h.client(password="00000001") as c:
        same(refusal(c.version), rtu.WRONG_PASSWORD, "password")
        same(refusal(c.exchange, 118), rtu.WRONG_PASSWORD, "the password is looked at first")
        c.password = b"\0\0\0\0"
        same(c.version(), "020102", "the connection stays")
        for code in (0, 1, 105, 118, 119, 122, 123, 255):
            same(refusal(c.exchange, code), rtu.BAD_COMMAND, "command %d" % code)
        for call in (c.shprm, c.lp, c.tests, c.autoread, c.mtrlog):
            same(refusal(call, "4242424242"), rtu.NO_METER, "unknown meter")
        same(refusal(c.pok, "4242424242", 0), rtu.NO_METER, "unknown meter")
        for code, data in (
                (rtu.GETVERSION, b"\0"), (rtu.GETTIME, b"\0"), (rtu.SETTIME, b"\0\0\0"),
                (rtu.GETSHPRM, serial[:4]), (rtu.GETSHPRM, b"\x1a" + serial[1:]),
                (rtu.GETPOK, serial + struct.pack("<BI", 0x10, 0)), (rtu.GETPOK, serial),
                (rtu.GETLP, serial + struct.pack("<BIH", 0, 0, 1)),
                (rtu.GETLP, serial + struct.pack("<BIH", 15, 0, 0)),
                (rtu.GETLP, serial + struct.pack("<BIHB", 15, 0, 1, 0)),
                (rtu.GETTESTS, serial + struct.pack("<IB", 0, 0)),
                (rtu.GETAUTOREAD, serial + struct.pack("<IBB", 0, 0, 1)),
                (rtu.GETAUTOREAD, serial + struct.pack("<IBB", 0, 5, 1)),
                (rtu.GETAUTOREAD, serial + struct.pack("<IBB", 0, 1, 0)),
                (rtu.GETMTRLOG, serial + struct.pack("<IH", 0, 0)),
                (rtu.GETMAXLOGID, b"\x02"), (rtu.GETLOG, struct.pack("<IIH", 2, 0, 1))):
            same(refusal(c.exchange, code, data), rtu.BAD_PARAMETERS, "command %d, %s" % (code, data.hex()))
        same(c.version(), "020102", "the connection stays")
    with h.client(password="wxyz") as c:
        for _ in range(10):
            same(refusal(c.version), rtu.WRONG_PASSWORD, "password")
        try:
            c.version()
        except OSError:
            pass
        except EOFError:
            pass
        else:
            raise AssertionError("still open after ten wrong passwords")
    done = subprocess.run([os.path.join(BIN, "uspdctl"), "rtu327", "127.0.0.1:%d" % h.address[1], "shprm",
                           "--serial", "4242424242"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and "code 4" in done.stderr, done


def whole_view(h, client):
    """Everything a head-end fetches of the past, for comparing."""
    made = []
    for meter in h.meters:
        made.append(client.shprm(meter.key))
        made.append(client.lp(meter.key, midnight(h, 3), 100))
        made.append([client.pok(meter.key, midnight(h, d)) for d in range(4)])
        made.append([client.autoread(meter.key, midnight(h, 3), n) for n in (1, 2, 3, 4)])
        made.append(client.mtrlog(meter.key, 0, 20))
    return made


def at_once(h):
    with h.client() as c:
        wanted = whole_view(h, c)
    barrier = threading.Barrier(32)
    faults, done = [], []

    def one():
        try:
            with h.client(timeout=20) as c:
                barrier.wait(20)
                for _ in range(2):
                    if whole_view(h, c) != wanted:
                        faults.append("another answer")
            done.append(1)
        except Exception as error:  # pylint: disable=broad-except
            faults.append(repr(error))

    threads = [threading.Thread(target=one) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults and len(done) == 32, (len(done), faults[:3])


def answered(c, code=rtu.GETVERSION):
    """Sends a good request and reads until its reply; error replies may come before."""
    sent = c.request(code)
    while True:
        number, result, data = c.receive()
        if number == sent[3:5] and result == rtu.OK:
            return data
        same((result, data), (rtu.BAD_CRC, b""), "reply to garbage")


def hostile(h):
    dice = random.Random(327)
    good = rtu.frame(7, rtu.GETSHPRM, rtu.bcd5(h.meters[0].key))
    bad_crc = good[:-1] + bytes([good[-1] ^ 1])
    streams = [
        b"\0" * 200, b"\x02" * 100, b"\x02\xff\x00", b"\x02\x00\x00", b"\x02\x00\x08" + bytes(8),
        b"\x02\x01\x01" + bytes(100), good[:3], good[:-1], bad_crc, bad_crc[:-5], good[1:],
        bytes(range(256)), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        *(dice.randbytes(dice.randrange(1, 400)) for _ in range(5)),
        *(bytes([2, 0]) + dice.randbytes(dice.randrange(1, 60)) for _ in range(5)),
    ]
    with h.client(timeout=8) as c:
        for stream in streams:
            c.send(stream)
            same(answered(c), b"020102", "after %s" % stream[:20].hex())
    # Byte by byte, and many in one segment, are the same stream.
    with h.client() as c:
        for i in range(len(good)):
            c.send(good[i:i + 1])
        same(c.receive()[:2], (b"\0\x07", rtu.OK), "byte by byte")
        many = b"".join(rtu.frame(n, rtu.GETVERSION) for n in range(200))
        c.send(many)
        same([c.receive()[0] for _ in range(200)], [struct.pack(">H", n) for n in range(200)], "in order")
    with h.client() as c:
        c.send(bad_crc)
        same(c.receive(), (b"\0\x07", rtu.BAD_CRC, b""), "bad checksum")


def read_agrees(h):
    """uspdctl read tells of the same day what uspdctl rtu327 tells."""
    for meter in h.meters:
        stamp = midnight(h)
        reading = h.ask("pok", "--serial", meter.key, "--from", str(stamp))
        records = json.loads(h.ctl("--json", "read", meter.id, "day", str(stamp), str(stamp)))["records"]
        same([r["ts"] for r in records], [stamp], "stamps")
        for name in CHANNELS:
            value = records[0]["values"].get(name + "0")
            same(rtu.MISSING if value is None else round(value * 1000) / 1e6, reading[name], "A day's " + name)
        by_serial = json.loads(h.ctl("--json", "read", meter.serial_text, "day", str(stamp), str(stamp)))
        same(by_serial["records"], records, "by serial number")
        table = list(csv.reader(io.StringIO(h.ctl("read", meter.id, "day", str(stamp), str(stamp), "--csv"))))
        shown = dict(zip((head.split(" ")[0] for head in table[0]), table[1]))
        same(float(shown["A+0"]), reading["A+"], "kWh of the table")
        slices = h.ask("lp", "--serial", meter.key, "--from", str(midnight(h, 1) + 1), "--to", str(stamp))
        records = json.loads(h.ctl("--json", "read", meter.id, "profile", str(midnight(h, 1) + 1),
                                   str(stamp)))["records"]
        records = [r for r in records if r["values"].get("P+") is not None]
        # A half hour without supply is a record without values here and -1.0 there.
        slices = [s for s in slices if s["A+"] != rtu.MISSING]
        same([r["ts"] for r in records], [s["time"] for s in slices], "half hours of yesterday")
        same([round(r["values"]["P+"] * 1000) / 2e6 for r in records], [s["A+"] for s in slices],
             "energy of yesterday")


def main():
    report = Report()
    with Directory() as directory:
        h = HeadEnd(directory)
        report.case("the archive fills", h.start)
        for name, case in (
                ("version and clock", device), ("parameters of every meter", parameters),
                ("readings at start of day", start_of_day), ("momentary readings", moment),
                ("load profile: starts, counts, channels", profile),
                ("load profile page by page", paging), ("load profile with gaps filled", filled),
                ("fixed readings by tariff", fixed_readings), ("meter journals", meter_log),
                ("quality slices", tests), ("own journal", own_log), ("clock correction", set_time),
                ("refusals", refusals), ("uspdctl read agrees", read_agrees),
                ("32 clients at once", at_once), ("hostile streams", hostile)):
            report.case(name, case, h)
        report.case("the daemon ends cleanly", lambda: (h.daemon.stop() == 0) or 1 / 0)
        h.street.stop()
    report.end()


main()
