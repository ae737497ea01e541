#!/usr/bin/env python3
"""A street at real pace against what its wires allow (poller.md 8, budgets of the design).

Usage: bench_street.py [--meters N] [--ethernet N] [--ce N] [--days N]

Ideal time of a bus: (bytes both ways) x character time + answers x reply latency + requests x gap, all
counted by the simulator, not by the daemon; the gap is what the meters' documents demand (Mercury 5 ms,
CE 20 ms).  Utilisation = ideal / time from the first request to the last record of the bus.
"""

import argparse
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../integration"))

from uspd import Daemon, Directory, Street  # noqa: E402

CHARACTER_MS = 10000 / 9600
LATENCY_MS = {"mercury": 5, "ce": 200}
GAP_MS = {"mercury": 5, "ce": 20}
PROFILE_DAYS = 1


def make_street(mercury, ce, ethernet):
    buses = []
    for i in range(4):
        meters = [{"type": "mercury236" if i % 2 else "mercury230", "count": mercury, "first_address": 1,
                   "first_serial": "%d" % (50000001 + 1000 * i)}]
        if ce:
            meters.append({"type": "ce303", "count": ce, "latency_ms": LATENCY_MS["ce"],
                           "first_serial": "00911450%07d" % (1000 * i + 1)})
        buses.append({"name": "Iface%d" % (i + 1), "pty": True, "latency_ms": LATENCY_MS["mercury"],
                      "meters": meters})
    if ethernet:
        buses.append({"name": "eth", "count": ethernet, "tcp": "127.0.0.1:0", "latency_ms": 20,
                      "meters": [{"type": "mercury236", "address": 72, "first_serial": "50010001"}]})
    return {"tz_min": 180, "buses": buses}


def process(pid):
    """CPU seconds, resident KiB and threads of a process."""
    with open("/proc/%d/stat" % pid, encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        status = dict(line.split(":", 1) for line in f if ":" in line)
    tick = os.sysconf("SC_CLK_TCK")
    return ((int(fields[11]) + int(fields[12])) / tick, int(status["VmRSS"].split()[0]),
            int(status["VmHWM"].split()[0]), int(status["Threads"]))


def poll_until_done(daemon, names, deadline_s):
    """Seconds at which each bus had nothing waiting any more, from the first byte on it."""
    begun, ended = {}, {}
    end = time.monotonic() + deadline_s
    while len(ended) < len(names) and time.monotonic() < end:
        for bus in daemon.get("status")["buses"]:
            name, now = bus["bus"], time.monotonic()
            if name not in names or name in ended:
                continue
            if bus["exchanges"] and name not in begun:
                begun[name] = now
            if name in begun and bus["waiting"] == 0 and bus["state"] == "idle":
                ended[name] = now - begun[name]
        time.sleep(0.25)
    return ended


def ideal_seconds(log):
    """Per bus, from the simulator's own counters."""
    ideal = {}
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    for line in lines:
        if "rx_bytes" in line:
            name = line["bus"]
            ideal[name] = (line["rx_bytes"] + line["tx_bytes"]) * CHARACTER_MS
    for line in lines:
        if "heard" in line and line.get("bus") in ideal:
            kind = "ce" if line["type"].startswith("ce") else "mercury"
            ideal[line["bus"]] += line["answers"] * LATENCY_MS[kind] + line["heard"] * GAP_MS[kind]
    return {name: ms / 1000 for name, ms in ideal.items()}


def overheads(trace):
    """Host time of every exchange beyond wire, latency and gap, milliseconds, sorted: from the last
    byte of an answer to the first of the next request, as the simulator sees them."""
    last, found = {}, []
    for line in trace:
        when, bus, direction = line.split()[:3]
        when = float(when)
        if direction == "<":
            last[bus] = when
        elif bus in last:
            waited = (when - last.pop(bus)) * 1000 - GAP_MS["mercury"]
            if waited < 50:  # longer: the bus had nothing to do, or waits as a document demands
                found.append(waited)
    return sorted(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mercury", type=int, default=20, help="Mercury meters per bus (240 fills it)")
    parser.add_argument("--ce", type=int, default=0, help="CE303 meters per bus")
    parser.add_argument("--ethernet", type=int, default=0, help="TCP endpoints of one meter each")
    parser.add_argument("--trace", action="store_true", help="also host overhead per exchange")
    parser.add_argument("--days", type=int, default=PROFILE_DAYS)
    args = parser.parse_args()
    street_file = make_street(args.mercury, args.ce, args.ethernet)
    with Directory() as directory:
        log = os.path.join(directory, "sim.log")
        trace = os.path.join(directory, "trace")
        street = Street(directory, street_file, "--log", log, *(["--trace", trace] if args.trace else []))
        daemon = Daemon(directory, street.links)
        daemon.put_settings(poll__backfill_days=args.days, poll__journal_min=0)
        table = street.meters_csv()
        names = ["Iface%d" % i for i in range(1, 5)]
        daemon.import_meters(table)
        cpu_before = process(daemon.child.pid)[0]
        started = time.monotonic()
        ended = poll_until_done(daemon, names, 7200)
        wall = time.monotonic() - started
        cpu, rss, most, threads = process(daemon.child.pid)
        buses = {b["bus"]: b for b in daemon.get("status")["buses"]}
        daemon.stop()
        street.stop()
        with open(log, encoding="utf-8") as f:
            ideal = ideal_seconds(f.read())
        beyond = []
        if args.trace:
            with open(trace, encoding="utf-8") as f:
                beyond = overheads(f)
    print("%d meters, newest half hour, start of day and month, %d day(s) of profile"
          % (len(table.splitlines()) - 1, args.days))
    for name in names:
        line = buses[name]
        print("  %s: %d exchanges, %d bytes, ideal %.1f s, took %.1f s: utilisation %.3f" % (
            name, line["exchanges"], line["tx_bytes"] + line["rx_bytes"], ideal[name], ended[name],
            ideal[name] / ended[name]))
    if beyond:
        print("  host overhead per exchange: median %.2f ms, p99 %.2f ms (%d exchanges)" % (
            beyond[len(beyond) // 2], beyond[int(len(beyond) * 0.99)], len(beyond)))
    print("  wall %.1f s, CPU %.2f s (%.1f %% of one core), resident %.1f MiB (most %.1f), threads %d" % (
        wall, cpu - cpu_before, 100 * (cpu - cpu_before) / wall, rss / 1024, most / 1024, threads))


main()
