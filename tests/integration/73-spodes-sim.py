#!/usr/bin/env python3
"""The simulated СПОДЭС meters against street_model: every row of every archive, read by a client of this file
(TCP wrapper, no authentication), without the daemon."""

import calendar
import socket
import struct

import street_model
import street_spodes
from uspd import Directory, Report, Street

DAY = 86400
KINDS = street_model.KINDS
OUTAGES = [[-3 * DAY + 5000, -3 * DAY + 5900], [-2 * DAY + 3000, -2 * DAY + 20000], [-DAY + 1800, -DAY + 3600]]
VARIANTS = [
    {}, {"outages": OUTAGES}, {"outages": OUTAGES, "powerup_rows": True}, {"period_s": 3600, "load_scaler": 0},
    {"period_s": 600, "load_scaler": -3, "energy_scaler": -4, "outages": OUTAGES, "powerup_rows": True},
    {"gap_every": 7, "invalid_every": 5, "doubtful_rows": False, "outages": OUTAGES}, {"max_pdu": 64},
    {"energy_scaler": 3, "directions": 1}, {"reactive": False, "null_rows": True}, {"clock_offset_s": 4000},
]
NUMBERS = {0x05: ">i", 0x06: ">I", 0x0F: ">b", 0x10: ">h", 0x11: ">B", 0x12: ">H", 0x14: ">q", 0x15: ">Q", 0x16: ">B"}


def street():
    return {"tz_min": 180, "history_days": 10, "buses": [
        {"name": "w%d" % i, "tcp": "127.0.0.1:0", "meters": [
            dict({"type": "spodes", "serial": str(73000001 + i), "transport": "wrapper", "auth_reader": "none",
                  "max_pdu": 8192}, **keys)]} for i, keys in enumerate(VARIANTS)]}


def length(data, at):
    n = data[at]
    if n < 0x80:
        return n, at + 1
    k = n & 0x7F
    return int.from_bytes(data[at + 1:at + 1 + k], "big"), at + 1 + k


def value(data, at=0):
    """(A-XDR value, where it ends)."""
    tag, at = data[at], at + 1
    if tag == 0:
        return None, at
    if tag in (1, 2):
        n, at = length(data, at)
        items = []
        for _ in range(n):
            item, at = value(data, at)
            items.append(item)
        return items, at
    if tag in (9, 10):
        n, at = length(data, at)
        return data[at:at + n], at + n
    form = NUMBERS[tag]
    return struct.unpack_from(form, data, at)[0], at + struct.calcsize(form)


def stamp(octets):
    """(local seconds, status)."""
    year, month, day, _, hour, minute, second = struct.unpack_from(">HBBBBBB", octets)
    return calendar.timegm((year, month, day, hour, minute, second)), octets[11]


class Client:
    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=20)
        answer = self.ask(bytes.fromhex("601DA109060760857405080101BE10040E01000000065F1F0400621E5D0000"))
        assert bytes.fromhex("A203020100") in answer, answer.hex()

    def ask(self, apdu):
        self.sock.sendall(struct.pack(">HHHH", 1, 32, 1, len(apdu)) + apdu)
        head = self.take(8)
        assert head[:6] == bytes.fromhex("000100010020"), head.hex()
        return self.take(struct.unpack(">H", head[6:])[0])

    def take(self, n):
        got = b""
        while len(got) < n:
            more = self.sock.recv(n - len(got))
            assert more, "closed"
            got += more
        return got

    def get(self, class_id, name, attribute=2):
        request = struct.pack(">H5BBB", class_id, *map(int, name.split(".")), 255, attribute)
        answer = self.ask(b"\xc0\x01\xc1" + request + b"\0")
        if answer[1] == 1:
            assert answer[3] == 0, (name, answer.hex())
            whole = answer[4:]
        else:
            whole = b""
            while True:
                assert answer[:3] == b"\xc4\x02\xc1" and answer[8] == 0, answer[:12].hex()
                n, at = length(answer, 9)
                whole += answer[at:at + n]
                if answer[3]:
                    break
                answer = self.ask(b"\xc0\x02\xc1" + answer[4:8])
        got, end = value(whole)
        assert end == len(whole), (name, end, len(whole))
        return got

    def rows(self, name):
        """[(stamp, status, the other columns)], null-data filled in."""
        period = self.get(7, name, 4)
        made = []
        for row in self.get(7, name):
            at, status = stamp(row[0]) if row[0] else (made[-1][0] + period, made[-1][1])
            rest = [v if v is not None else made[-1][2][i] for i, v in enumerate(row[1:])]
            made.append((at, status, rest))
        return made

    def columns(self, name):
        return [".".join(map(str, c[1][:5])) for c in self.get(7, name, 3)]


class Checks:
    def __init__(self, ready):
        self.ready = ready

    def meters(self):
        for bus, (name, entry, serial, outages) in zip(self.ready["buses"],
                                                       street_model.meters(street(), self.ready["base"])):
            client = Client(bus["port"])
            now = stamp(client.get(8, "0.0.1.0.0"))[0]
            has = [k for k in KINDS if (k[0] == "A" or entry.get("reactive", True)) and
                   (k[1] == "+" or entry.get("directions", 2) == 2)]
            yield client, entry, int(serial), outages, now, has

    def load(self):
        """Every row of the load profile is the model's"""
        begin = (self.ready["base"] // DAY - 10) * DAY
        for client, entry, serial, outages, now, has in self.meters():
            wanted = street_model.spodes_load_rows(
                serial, has, begin, now, outages, entry.get("period_s", 1800), entry.get("load_scaler", -1),
                entry.get("powerup_rows", False), entry.get("gap_every", 0), entry.get("invalid_every", 0),
                entry.get("doubtful_rows", True))
            got = client.rows("1.0.99.1.0")
            assert client.columns("1.0.99.1.0") == ["0.0.1.0.0"] + ["1.0.%d.29.0" % (KINDS.index(k) + 1) for k in has]
            assert len(wanted) >= 200
            assert got[:len(wanted)] == wanted, next((g, w) for g, w in zip(got, wanted) if g != w)
            assert client.get(7, "1.0.99.1.0", 7) in (len(wanted), len(wanted) + 1)

    def readings(self):
        """Every day and month row is the model's, tariffs before or behind the sum"""
        begin = (self.ready["base"] // DAY - 10) * DAY
        for client, entry, serial, outages, now, has in self.meters():
            scaler = entry.get("energy_scaler", 0)
            for name in ("1.0.98.2.0", "1.0.98.1.0"):
                columns = client.columns(name)[1:]
                rows = client.rows(name)
                assert [t for t, _, _ in rows] == ([begin + i * DAY for i in range(11)] if name == "1.0.98.2.0" else
                                                   [t for t, _, _ in rows if t >= begin]), (name, rows)
                assert len(columns) == 5 * len(has)
                for t, _, values in rows:
                    for column, got in zip(columns, values):
                        c, tariff = int(column.split(".")[2]), int(column.split(".")[4])
                        wanted = street_model.spodes_register(serial, KINDS[c - 1], tariff, t, scaler, outages)
                        assert got == wanted, (serial, name, column, t, got, wanted)
            assert client.get(3, "1.0.1.8.0", 3) == [scaler, 30]

    def logs(self):
        """Every log row is the model's"""
        for client, _, serial, outages, now, _ in self.meters():
            for log in street_spodes.LOGS:
                got = client.rows("0.0.99.98.%d" % log)
                wanted = street_spodes.log_rows(serial, log, now, outages)
                if log == 13:
                    assert [(t, stamp(v[0])[0]) for t, _, v in got] == [(t, old) for t, _, old in wanted], (serial, log)
                else:
                    assert [(t, v[0]) for t, _, v in got] == [(t, code) for t, code, _ in wanted], (serial, log)


def main():
    report = Report()
    with Directory() as directory:
        sim = Street(directory, street(), "--unpaced")
        checks = Checks(sim.ready)
        for case in (checks.load, checks.readings, checks.logs):
            report.case(case.__doc__, case)
        sim.stop()
    report.end()


if __name__ == "__main__":
    main()
