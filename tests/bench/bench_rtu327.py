#!/usr/bin/env python3
"""Answers to a head-end from an archive of 10 000 meters at full depth (budgets of the design).

Usage: bench_rtu327.py [DIR]    DIR as bench_store leaves it; filled when missing
"""

import os
import random
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../integration"))

import rtu327_client  # noqa: E402
from uspd import BIN, Daemon, Directory  # noqa: E402

METERS = int(os.environ.get("METERS", "10000"))
QUESTIONS = 2000
FIRST_DAY = 1718398800
LAST_DAY = FIRST_DAY + 183 * 86400


def ask(name, question, dice):
    times = []
    for _ in range(QUESTIONS):
        serial = str(70000000 + dice.randrange(1, METERS + 1))
        begun = time.perf_counter()
        question(serial)
        times.append((time.perf_counter() - begun) * 1000)
    times.sort()
    print("  %-34s median %.2f ms, p99 %.2f ms, worst %.2f ms" % (
        name, statistics.median(times), times[int(len(times) * 0.99)], times[-1]), flush=True)


def main():
    dice = random.Random(3)
    with Directory() as directory:
        data = sys.argv[1] if len(sys.argv) > 1 else os.path.join(directory, "data")
        if not os.path.exists(os.path.join(data, "archive.db")):
            subprocess.run([os.path.join(BIN, "tests/bench_store"), data, str(METERS)], check=True)
        begun = time.monotonic()
        daemon = Daemon(directory, data=data)
        print("%d meters at full depth: serving after %.2f s" % (METERS, time.monotonic() - begun))
        client = rtu327_client.Client(("127.0.0.1", daemon.rtu327))
        ask("GETLP, 48 half-hours, 4 channels", lambda s: client.lp(s, LAST_DAY - 5 * 86400, 48), dice)
        ask("GETAUTOREAD, 30 days", lambda s: client.autoread(s, LAST_DAY - 31 * 86400, 1, 30), dice)
        ask("GETPOK, start of day", lambda s: client.pok(s, LAST_DAY), dice)
        with open("/proc/%d/status" % daemon.child.pid, encoding="ascii") as f:
            print("  resident", next(line.split(":")[1].strip() for line in f if line.startswith("VmRSS")))
        daemon.stop()


main()
