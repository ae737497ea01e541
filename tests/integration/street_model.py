#!/usr/bin/env python3
"""The consumption model of the simulated street, a second time (docs/simulator.md).

Standard library only.  Times are seconds since 1970-01-01 00:00 on the meter's (local) clock,
energies are half-pulses of 0.5 Wh.  Run with the path of uspd-sim to compare both programs:

    street_model.py build/release/uspd-sim
"""

import json
import random
import subprocess
import sys

MASK = (1 << 64) - 1
SLOT_S, DAY_S = 1800, 86400
FIRST_EPOCH_DAY = 16436
NOISE_WEIGHT = 8
HOUR_WEIGHT = [10, 9, 8, 8, 8, 9, 14, 24, 30, 26, 22, 20, 22, 21, 20, 20, 22, 28, 36, 40, 38, 32, 22, 14]
HOUR_TARIFF = [2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 3, 3, 4, 4, 3, 3, 3, 1, 1, 1, 1, 3, 3, 2]
KINDS = ["A+", "A-", "R+", "R-"]
KIND_FACTOR = [12, 1, 4, 2]
SLOT_WEIGHT = [HOUR_WEIGHT[h // 2] for h in range(48)]
SLOT_TARIFF = [HOUR_TARIFF[h // 2] for h in range(48)]


def splitmix(x):
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def hash3(a, b, c):
    return splitmix((splitmix((splitmix(a & MASK) + b) & MASK) + c) & MASK)


def epoch(serial):
    return (FIRST_EPOCH_DAY + hash3(serial, 1000, 2) % 365) * DAY_S


def scale(serial, kind):
    return (1 + hash3(serial, 1000, 1) % 8) * KIND_FACTOR[kind]


def noise(serial, kind, tariff, m):
    return hash3(serial, kind * 8 + tariff, m) % (NOISE_WEIGHT * scale(serial, kind))


def tariff_at(t):
    return HOUR_TARIFF[t % DAY_S // 3600]


def _raw_tariff(serial, kind, tariff, t):
    slot, second = divmod(t - epoch(serial), SLOT_S)
    day, h = divmod(slot, 48)
    k = scale(serial, kind)
    mine = [i for i in range(48) if SLOT_TARIFF[i] == tariff]
    today = [i for i in mine if i < h]
    m = day * len(mine) + len(today)
    weight = day * sum(SLOT_WEIGHT[i] for i in mine) + sum(SLOT_WEIGHT[i] for i in today)
    value = weight * k + noise(serial, kind, tariff, m)
    if SLOT_TARIFF[h] == tariff:
        energy = SLOT_WEIGHT[h] * k + noise(serial, kind, tariff, m + 1) - noise(serial, kind, tariff, m)
        value += energy * second // SLOT_S
    return value


def raw_counter(serial, kind, tariff, t):
    """The counter of a meter whose supply never failed."""
    if t < epoch(serial):
        return 0
    return sum(_raw_tariff(serial, kind, i, t) for i in ([tariff] if tariff else [1, 2, 3, 4]))


def counter(serial, kind, tariff, t, outages=()):
    """Half-pulses at t; kind "A+" "A-" "R+" "R-", tariff 0 (sum) or 1..4."""
    kind = KINDS.index(kind)
    value = raw_counter(serial, kind, tariff, t)
    for start, end in outages:
        if start < t:
            value -= raw_counter(serial, kind, tariff, min(end, t)) - raw_counter(serial, kind, tariff, start)
    return value


def profile(serial, kind, slot_end, outages=()):
    """Half-pulses of the half hour ending at slot_end; None when it was without supply throughout."""
    if off_seconds(slot_end - SLOT_S, slot_end, outages) == SLOT_S:
        return None
    return counter(serial, kind, 0, slot_end, outages) - counter(serial, kind, 0, slot_end - SLOT_S, outages)


def wh(serial, kind, tariff, t, outages=()):
    """A Mercury register, Wh."""
    return counter(serial, kind, tariff, t, outages) // 2


def mwh(serial, kind, tariff, t, outages=()):
    """A CE301 / CE303 register, mWh (four decimals of kWh)."""
    return counter(serial, kind, tariff, t, outages) * 500


def spodes_register(serial, kind, tariff, t, scaler=0, outages=()):
    """A СПОДЭС register in 10^scaler Wh."""
    mwh_now = counter(serial, kind, tariff, t, outages) * 500
    return mwh_now // 10 ** (scaler + 3) if scaler >= -3 else mwh_now * 10 ** (-3 - scaler)


def spodes_load_rows(serial, kinds, begin, now, outages=(), period=SLOT_S, scaler=-1, powerup=False, gap_every=0,
                     invalid_every=0, doubtful=True):
    """[(stamp, status of the stamp, values of `kinds`)] of a load profile whose history began at `begin`."""
    ends = []
    for end in range((begin // period + 1) * period, now + 1, period):
        if not (gap_every and end // period % gap_every == 0):
            if off_seconds(end - period, end, outages) < period:
                ends.append(end)
    returns = [b for _, b in outages if b % period and begin < b <= now] if powerup else []
    rows = []
    for end in sorted(ends + returns):
        start = (end - 1) // period * period
        off = off_seconds(start, end, outages) > 0
        status = 2 * (off and doubtful) + bool(invalid_every and end // period % invalid_every == 1 % invalid_every)
        start = max([start] + [b for b in returns if start < b < end])
        rows.append((end, status, [spodes_register(serial, k, 0, end, scaler, outages) -
                                   spodes_register(serial, k, 0, start, scaler, outages) for k in kinds]))
    return rows


def off_seconds(start, end, outages):
    return sum(max(0, min(end, b) - max(start, a)) for a, b in outages)


def made_outages(serial, count, start, end, max_s):
    """The intervals of {"outages": {"count", "from", "to", "max_s"}}."""
    part = (end - start) // count
    made = []
    for i in range(count):
        length = 60 + hash3(serial, 1001, i) % (max_s - 59)
        begin = start + i * part + hash3(serial, 1002, i) % (part - max_s)
        made.append((begin, begin + length))
    return made


def clock_offset(serial, offset_s=0, spread_s=0):
    """Seconds by which the meter's clock was wrong at the start of the street."""
    if spread_s > 0:
        offset_s += hash3(serial, 1003, 0) % (2 * spread_s + 1) - spread_s
    return offset_s


def meters(street, base):
    """(bus, meter, serial number, outages) of every meter of a street file; base: ready line."""
    for bus in street["buses"]:
        for nth in range(bus.get("count", 1)):
            name = bus["name"] + (str(nth + 1) if "count" in bus else "")
            for entry in bus["meters"]:
                n = entry.get("count", 1)
                for i in range(n):
                    text = entry.get("first_serial", entry.get("serial"))
                    serial = int(text) + nth * n + i
                    yield name, entry, str(serial).zfill(len(text)), _outages(entry, serial, base)


def _outages(entry, serial, base):
    given = entry.get("outages", [])
    if isinstance(given, dict):
        return made_outages(serial, given.get("count", 1), parse_time(given["from"], base),
                            parse_time(given["to"], base), given.get("max_s", 7200))
    return [(parse_time(a, base), parse_time(b, base)) for a, b in given]


def parse_time(value, base):
    if isinstance(value, int):
        return base + value
    import calendar
    import time
    return calendar.timegm(time.strptime(value, "%Y-%m-%dT%H:%M:%S"))


def start_sim(program, street, *options):
    """Starts uspd-sim; returns (process, ready line as a dictionary)."""
    process = subprocess.Popen([program, "--street", street, *options], stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    if not line:
        raise RuntimeError("uspd-sim did not start: %s" % street)
    return process, json.loads(line)


def _evaluate(program, serial, what, start, end, outages):
    flat = [str(x) for pair in outages for x in pair]
    out = subprocess.run([program, "--evaluate", str(serial), what, str(start), str(end), *flat],
                         capture_output=True, text=True, check=True).stdout
    return [[int(x) for x in line.split()] for line in out.splitlines()]


def self_check(program):
    dice = random.Random(1)
    for n in range(60):
        serial = dice.choice([10000001 + n, 9114141227285 + n, dice.randrange(1, 10 ** 15)])
        start = dice.randrange(1460000000, 1900000000)
        end = start + dice.randrange(1, 5 * DAY_S)
        outages = made_outages(serial, 3, start - DAY_S, end, 5000) if n % 2 else []
        kind = dice.choice(KINDS)
        tariff = dice.randrange(5)
        for t, value in _evaluate(program, serial, "%s%d" % (kind, tariff), start, end, outages):
            assert value == counter(serial, kind, tariff, t, outages), (serial, kind, tariff, t, outages)
        for t, value, off in _evaluate(program, serial, kind + "profile", start, end, outages):
            assert off == off_seconds(t - SLOT_S, t, outages), (serial, t, outages)
            mine = profile(serial, kind, t, outages)
            assert value == (mine or 0), (serial, kind, t, outages)
            assert off > 0 or value > 0
    print("street_model: both programs agree")


if __name__ == "__main__":
    self_check(sys.argv[1] if len(sys.argv) > 1 else "build/release/uspd-sim")
