"""What the archive must hold of the simulated СПОДЭС meters: their event logs as the journals of the
device (meter-spodes-dlms.md 11, 12; docs/simulator.md), a second time.

Times are seconds on the meter's clock, as in street_model.
"""

import street_model

HOUR_S = 3600
EVENT_TIME, OLD_TIME = 0x9000, 0xA000
LOG_DEPTH = 100
RESERVED = 120

# Log: period in hours, the codes in their order.
LOGS = {
    0: (40, list(range(1, 29))), 1: (60, list(range(1, 39))),
    2: (300, [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28]),
    3: (48, [121 if c == RESERVED else c for c in range(1, 151)]), 4: (700, list(range(1, 8))),
    9: (50, [1, 0, 8, 0, 0x10, 0, 0x20, 0, 0x40, 0, 0x80, 0, 0x4000, 0, 0x8000, 0]), 13: (1000, [0]),
}
POWER, PROGRAM, QUALITY, CORRECTIONS = 2, 3, 9, 13

# Chapter 12: journal: {log: (codes that begin, codes that end)}; which of the two is 0 or 1 follows.
BEGIN_END = {       # 1 begins, 0 ends
    "LimUAMax": {0: ((7, 13), (8, 14))}, "LimUBMax": {0: ((15,), (16,))}, "LimUCMax": {0: ((17,), (18,))},
    "LimUAMin": {0: ((9, 19), (10, 20))}, "LimUBMin": {0: ((21,), (22,))}, "LimUCMin": {0: ((23,), (24,))},
    "LimIAMax": {1: ((17, 25), (18, 26))}, "LimIBMax": {1: ((27,), (28,))}, "LimICMax": {1: ((29,), (30,))},
    "Reverce": {1: ((1, 3, 5, 33, 35), (2, 4, 6, 34, 36))},
    "LimETrf": {2: ((19,), ())}, "LimPwr": {2: ((8,), (20,))},
}
LOSS_RETURN = {     # 0 is the loss, 1 the return
    "Pwr": {2: ((1, 29), (2,))},
    "PwrA": {0: ((1,), (2,))}, "PwrB": {0: ((3,), (4,))}, "PwrC": {0: ((5,), (6,))},
    "Relay": {2: ((3, 6, 8, 9, 10, 11, 13, 14, 15, 18, 19, 25, 28), (4, 7, 12, 20, 21, 22, 23, 24, 26, 27))},
    "Reset": {3: ((35, 36), ())}, "C1Init": {3: ((31, 46), ())}, "C2Init": {3: ((32, 47), ())},
    "TrfCorr": {3: ((5, 6, 7, 8, 9, 49, 150), ())}, "Open": {4: ((3, 5), ()), 3: ((), (143,))},
    "UnAyth": {4: ((4,), ())},
}
TIME_CODES = (3, 63, 68)
FREQUENCY = {"LimFreqMax": 0x40 | 0x80 | 0x8000, "LimFreqMin": 0x10 | 0x20 | 0x4000}
JOURNALS = [*BEGIN_END, *LOSS_RETURN, *FREQUENCY, "TimeCorr", "Prog"]
NONE = ["LimESumm", "LimETrf1", "LimETrf2", "LimETrf3", "LimETrf4", "LimUABMax", "LimUABMin", "LimUBCMax",
        "LimUBCMin", "LimUCAMax", "LimUCAMin", "LimPwrPP", "LimPwrPM", "LimPwrQP", "LimPwrQM"]


def log_rows(serial, log, now, outages=(), depth=LOG_DEPTH):
    """(time, code, old time) of what a log holds at `now`, oldest first."""
    hours, codes = LOGS[log]
    period = hours * HOUR_S
    rows = []
    for n in range(now // period - depth, now // period + 1):
        at = n * period + street_model.hash3(serial, EVENT_TIME + log, n) % (period // 2)
        if n >= 0 and street_model.epoch(serial) <= at <= now:
            old = at - 1 - street_model.hash3(serial, OLD_TIME, n) % 20
            rows.append((at, codes[n % len(codes)], old))
    if log == POWER:
        for start, end in outages:
            rows += [(t, code, 0) for t, code in ((start, 1), (end, 2)) if t <= now]
    return sorted(rows)[-depth:]


def _frequency(rows):
    made = {name: [] for name in FREQUENCY}
    before = 0
    for at, word, _ in rows:
        for name, mask in FREQUENCY.items():
            event = 1 if word & ~before & mask else 0 if before & mask and not word & mask else None
            if event is not None:
                made[name].append((at, event, 9000 + (word & 0xFF)))
        before = word
    return made


def journals(serial, now, outages=()):
    """Journal: sorted [(time, event, eventId)], all that the meter's logs give."""
    rows = {log: log_rows(serial, log, now, outages) for log in LOGS}
    made = _frequency(rows[QUALITY])
    given = set()       # codes of log 3 that mean something of their own
    for table, first in ((BEGIN_END, 1), (LOSS_RETURN, 0)):
        for name, logs in table.items():
            made[name] = []
            for log, pair in logs.items():
                for event, codes in ((first, pair[0]), (1 - first, pair[1])):
                    made[name] += [(at, event, 1000 * log + code) for at, code, _ in rows[log] if code in codes]
                    given |= set(codes) if log == PROGRAM else set()
    made["Prog"] = [(at, 0, 3000 + code) for at, code, _ in rows[PROGRAM] if code not in given | set(TIME_CODES)]
    made["TimeCorr"] = [(old, 0, 13000) for _, _, old in rows[CORRECTIONS]]
    made["TimeCorr"] += [(at, 1, 13001) for at, _, _ in rows[CORRECTIONS]]
    return {name: sorted(events) for name, events in made.items()}
