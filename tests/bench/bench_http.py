#!/usr/bin/env python3
"""Meter data over SMART-JSON: a month of half hours of 1500 meters as one answer, and answers for one
meter from an archive of 10 000 meters at full depth (budgets of the design).

Usage: bench_http.py [DIR]    DIR holds archives of earlier runs, or takes those that are made
METERS, EXPORTED and QUESTIONS change the sizes.
"""

import gzip
import http.client
import json
import os
import random
import statistics
import subprocess
import sys
import time
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../integration"))

from uspd import BIN, Daemon, Directory  # noqa: E402

METERS = int(os.environ.get("METERS", "10000"))
EXPORTED = int(os.environ.get("EXPORTED", "1500"))
QUESTIONS = int(os.environ.get("QUESTIONS", "2000"))
FIRST_DAY = 1718398800
LAST_DAY = FIRST_DAY + 183 * 86400
MONTH = {"start": LAST_DAY - 31 * 86400 + 1, "end": LAST_DAY}
ARCH = "/meter/data/arch"


def archive(folder, meters):
    """A data directory with so many meters at full depth."""
    data = os.path.join(folder, "archive-%d" % meters)
    if not os.path.exists(os.path.join(data, "archive.db")):
        subprocess.run([os.path.join(BIN, "tests/bench_store"), data, str(meters)], check=True,
                       stdout=subprocess.DEVNULL)
    return data


class Client:
    """One connection that is kept."""

    def __init__(self, daemon):
        self.connection = http.client.HTTPConnection("127.0.0.1", daemon.http, timeout=600)
        self.headers = {"Authorization": "Bearer " + daemon.find_token(), "X-Protocol-USPD": "40",
                        "Content-Type": "application/json"}

    def begin(self, method, path, body=None, **headers):
        self.connection.request(method, path, json.dumps(body) if body is not None else None,
                                dict(self.headers, **headers))
        answer = self.connection.getresponse()
        assert answer.status == 200, (answer.status, answer.read(300))
        return answer

    def whole(self, method, path, body=None, **headers):
        return self.begin(method, path, body, **headers).read()


def memory(daemon, name):
    with open("/proc/%d/status" % daemon.child.pid, encoding="ascii") as f:
        return int(next(line for line in f if line.startswith(name + ":")).split()[1]) / 1024


def forget_peak(daemon):
    with open("/proc/%d/clear_refs" % daemon.child.pid, "w", encoding="ascii") as f:
        f.write("5")


def export(daemon, name, method, path, body=None, **headers):
    """One long answer: its first byte, its rate, and what the daemon's memory reached meanwhile."""
    client = Client(daemon)
    forget_peak(daemon)
    before = memory(daemon, "VmRSS")
    begun = time.perf_counter()
    answer = client.begin(method, path, body, **headers)
    packed = answer.headers.get("Content-Encoding") == "gzip"
    first = answer.read(1)
    first_ms = (time.perf_counter() - begun) * 1000
    inflate = zlib.decompressobj(31) if packed else None
    sent = plain = entries = 0
    chunk = first
    while chunk:
        sent += len(chunk)
        if inflate is not None:
            chunk = inflate.decompress(chunk)
        plain += len(chunk)
        entries += chunk.count(b'"ts"') if method == "POST" else chunk.count(b"\n")
        chunk = answer.read(1 << 18)
    seconds = time.perf_counter() - begun
    print("  %-32s first byte %.1f ms, whole %.2f s, %.1f MB sent, %.1f MB of text (%.0f MB/s), "
          "about %d records (%.0f/s), peak %.1f MiB (before %.1f)" % (
              name, first_ms, seconds, sent / 1e6, plain / 1e6, plain / 1e6 / seconds, entries,
              entries / seconds, memory(daemon, "VmHWM"), before), flush=True)


def exports(directory, folder):
    daemon = Daemon(directory, data=archive(folder, EXPORTED))
    print("a month of half hours of %d meters, resident %.1f MiB:" % (EXPORTED, memory(daemon, "VmRSS")))
    body = {"ids": [], "measures": ["ElArr1ConsPower"], "time": [MONTH]}
    export(daemon, "JSON", "POST", ARCH, body)
    export(daemon, "JSON, gzip", "POST", ARCH, body, **{"Accept-Encoding": "gzip"})
    export(daemon, "JSON, A+ only", "POST", ARCH, dict(body, tags=["P+"]))
    query = "/api/v1/data.csv?type=ElArr1ConsPower&from=%(start)d&to=%(end)d" % MONTH
    export(daemon, "CSV", "GET", query)
    export(daemon, "CSV, gzip", "GET", query, **{"Accept-Encoding": "gzip"})
    export(daemon, "XLSX, start of day of a month", "GET",
           "/api/v1/data.xlsx?type=ElDayEnergy&tags=A%%2B0&from=%(start)d&to=%(end)d" % MONTH)
    export(daemon, "completeness of the month", "GET",
           "/api/v1/completeness?type=ElArr1ConsPower&from=%(start)d&to=%(end)d" % MONTH)
    daemon.stop()


def ask(client, name, body, dice):
    times = []
    for _ in range(QUESTIONS):
        question = dict(body, ids=[dice.randrange(1, METERS + 1)])
        begun = time.perf_counter()
        client.whole("POST", ARCH, question)
        times.append((time.perf_counter() - begun) * 1000)
    times.sort()
    print("  %-32s median %.2f ms, p99 %.2f ms, worst %.2f ms" % (
        name, statistics.median(times), times[int(len(times) * 0.99)], times[-1]), flush=True)


def ask_all(client, name, body):
    begun = time.perf_counter()
    answer = client.begin("POST", ARCH, body)
    first = answer.read(1)
    first_ms = (time.perf_counter() - begun) * 1000
    size = len(first + answer.read())
    print("  %-32s first byte %.1f ms, whole %.0f ms, %.1f MB" % (
        name, first_ms, (time.perf_counter() - begun) * 1000, size / 1e6), flush=True)


def questions(directory, folder):
    dice = random.Random(3)
    data = archive(folder, METERS)
    begun = time.monotonic()
    daemon = Daemon(directory, data=data)
    print("%d meters at full depth, serving after %.2f s:" % (METERS, time.monotonic() - begun))
    client = Client(daemon)
    ask(client, "one meter, 48 half hours", {"measures": ["ElArr1ConsPower"], "time": [
        {"start": LAST_DAY - 5 * 86400 + 1, "end": LAST_DAY - 4 * 86400}]}, dice)
    ask(client, "one meter, 30 days", {"measures": ["ElDayEnergy"], "time": [
        {"start": LAST_DAY - 29 * 86400, "end": LAST_DAY}]}, dice)
    ask(client, "one meter, 30 days of consumption", {"measures": ["ElDayConsEnergy"], "time": [
        {"start": LAST_DAY - 30 * 86400, "end": LAST_DAY - 86400}]}, dice)
    ask(client, "one meter, newest of three kinds", {"measures": ["ElDayEnergy", "ElMonthEnergy", "ElArr1ConsPower"],
                                                   "flags": ["lastTime"]}, dice)
    yesterday = [{"start": LAST_DAY - 86400, "end": LAST_DAY - 86400}]
    ask_all(client, "all meters, start of yesterday", {"measures": ["ElDayEnergy"], "time": yesterday})
    ask_all(client, "all meters, A+0 of yesterday", {"measures": ["ElDayEnergy"], "tags": ["A+0"], "time": yesterday})
    assert gzip.decompress(client.whole("POST", ARCH, {"measures": ["ElMonthEnergy"], "time": yesterday},
                                        **{"Accept-Encoding": "gzip"}))
    print("  resident %.1f MiB, peak %.1f MiB" % (memory(daemon, "VmRSS"), memory(daemon, "VmHWM")))
    daemon.stop()


def main():
    with Directory() as directory:
        folder = sys.argv[1] if len(sys.argv) > 1 else directory
        os.makedirs(folder, exist_ok=True)
        exports(directory, folder)
        questions(directory, folder)


main()
