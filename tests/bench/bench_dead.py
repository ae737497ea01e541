#!/usr/bin/env python3
"""100 meters of which 20 are dead against the 80 living alone, on one bus each, at real pace.

The meters' clocks are ahead, so that the device clock can be stepped half an hour at a time and every
step makes one more slice due.  Between rounds the bench waits until silent meters are due for a probe
again, so that each round pays for its probes.  Printed: how long the living took for their newest slice.
"""

import argparse
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../integration"))

import rtu327_client  # noqa: E402
from uspd import Daemon, Directory, Street  # noqa: E402

ROUNDS = 3
AHEAD_S = 3 * 3600


def make_street(dead):
    meters = [{"type": "mercury230", "count": 80, "first_address": 1, "first_serial": "60000001",
               "clock_offset_s": AHEAD_S}]
    if dead:
        meters.append({"type": "mercury230", "count": dead, "first_address": 101,
                       "first_serial": "60000101", "dead": True})
    return {"tz_min": 180, "buses": [{"name": "Iface1", "pty": True, "latency_ms": 5, "meters": meters}]}


class Side:
    def __init__(self, directory, dead):
        os.makedirs(directory)
        self.street = Street(directory, make_street(dead))
        self.daemon = Daemon(directory, self.street.links)
        self.daemon.put_settings(poll__backfill_days=1, poll__journal_min=0, clock__correct=0)
        self.daemon.import_meters(self.street.meters_csv())
        self.dead = dead

    def step(self):
        rtu327_client.Client(("127.0.0.1", self.daemon.rtu327)).settime(1800)
        self.begun, self.took = time.monotonic(), None

    def look(self):
        totals = self.daemon.get("status")["totals"]
        if self.took is None and totals["missing"] == 0 and totals["answering"] == 80:
            self.took = time.monotonic() - self.begun

    def end(self):
        self.daemon.stop()
        self.street.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pause", type=int, default=310, help="seconds between rounds")
    args = parser.parse_args()
    with Directory() as directory:
        sides = [Side(os.path.join(directory, name), dead) for name, dead in (("alone", 0), ("with", 20))]
        for side in sides:
            side.daemon.wait_complete(900, silent=20)
        for number in range(1, ROUNDS + 1):
            time.sleep(args.pause)
            for side in sides:
                side.step()
            while any(side.took is None for side in sides):
                for side in sides:
                    side.look()
                time.sleep(0.1)
            print("round %d: 80 alone %.1f s, 80 beside 20 dead %.1f s: ratio %.3f" % (
                number, sides[0].took, sides[1].took, sides[1].took / sides[0].took), flush=True)
        for side in sides:
            side.end()


main()
