"""What the simulated meters' journals and momentary values hold, by docs/simulator.md.

A second implementation, like street_model.py, for what a head-end asks.  Times are seconds on the
meter's clock, as there; `meter` is a street_check.Meter.
"""

import math

import street_model

HOUR_S, SLOT_S = 3600, 1800

# ---- journals as RTU-327 exports them: (time, event type), rtu-327.md 6.10 ----

ON, OFF, RESET, OPENED = 1, 0, 6, 9
PHASE_ON, PHASE_OFF = (208, 210, 212), (209, 211, 213)
RING_MERCURY, RING_CE = 10, 20
ALL_PHASES, POWERED = 7, 64


def _begins(serial, base, j, period_h, n):
    period = period_h * HOUR_S
    return n * period + street_model.hash3(serial, base + j, n) % (period // 2)


def _last(serial, base, j, period_h, now):
    n = now // (period_h * HOUR_S)
    return n if _begins(serial, base, j, period_h, n) <= now else n - 1


def _mercury_ring(meter, j, period_h, now):
    """(number, time) of what the ring of journal j holds."""
    last = _last(meter.serial, 0x4000, j, period_h, now)
    made = [(n, _begins(meter.serial, 0x4000, j, period_h, n))
            for n in range(last - RING_MERCURY + 1, last + 1)]
    return [(n, at) for n, at in made if at >= street_model.epoch(meter.serial)]


def _mercury(meter, now):
    epoch = street_model.epoch(meter.serial)
    events = [(epoch, ON), (epoch, RESET)]
    for start, end in meter.outages:
        events += [(start, OFF), (end, ON)]
    for phase, (j, period_h) in enumerate(((3, 360), (4, 400), (5, 440))):
        for n, at in _mercury_ring(meter, j, period_h, now):
            length = 30 + street_model.hash3(meter.serial, 0x5000 + j, n) % 3000
            off = _begins(meter.serial, 0x4000, j, period_h, n + 1) - length
            events += [(at, PHASE_ON[phase]), (off, PHASE_OFF[phase])]
    if not meter.kind.endswith("-old"):
        events += [(at, OPENED) for _, at in _mercury_ring(meter, 0x12, 1500, now)]
    return events


def _ce_events(meter, j, period_h, now, n):
    last = _last(meter.serial, 0x6000, j, period_h, now)
    for e in range(last - n + 1, last + 1):
        yield (e, _begins(meter.serial, 0x6000, j, period_h, e),
               street_model.hash3(meter.serial, 0x8000 + j, e) >> 32)


def _ce_phase_lines(meter, now):
    lines = []
    for e, at, draw in _ce_events(meter, 0, 480, now, RING_CE):
        lines.append((at, POWERED | ALL_PHASES & ~(1 << draw % 3)))
        end = at + 120 + street_model.hash3(meter.serial, 0x7000, e) % 3000
        if end <= now:
            lines.append((end, POWERED | ALL_PHASES))
    for start, end in meter.outages:
        lines += [(start, ALL_PHASES), (end, POWERED | ALL_PHASES)]
    return sorted(lines, key=lambda line: line[0])[-RING_CE:]


def _ce(meter, now):
    events, before = [], POWERED | ALL_PHASES
    for at, value in _ce_phase_lines(meter, now):
        for phase in range(3):
            if (value ^ before) >> phase & 1:
                events.append((at, (PHASE_ON if value >> phase & 1 else PHASE_OFF)[phase]))
        if (value ^ before) & POWERED:
            events.append((at, ON if value & POWERED else OFF))
        before = value
    events += [(at, OPENED) for _, at, _ in _ce_events(meter, 4, 1500, now, RING_CE)]
    events += [(at, RESET) for _, at, draw in _ce_events(meter, 5, 700, now, RING_CE) if draw % 4 == 3]
    return [(at // 60 * 60, event) for at, event in events]		# lines of a CE have no seconds


def exported(meter, now):
    """What GETMTRLOG gives of a meter whose clock shows `now`: sorted (time on its clock, type)."""
    return sorted(e for e in (_mercury if meter.is_mercury else _ce)(meter, now) if e[0] <= now)


# ---- momentary values, in thousandths, under the names of rtu327_client.QUALITY ----

def _around(serial, x, slot, middle, most):
    return middle - most + street_model.hash3(serial, 2000 + x, slot) % (2 * most + 1)


def _phases(total):
    return [total // 3, total // 3, total - total // 3 * 2]


def quality(meter, now):
    """Bits 1-13, 17, 18 of GETTESTS."""
    slot = now // SLOT_S
    end = (slot + 1) * SLOT_S

    def power(channel):
        kind = street_model.KINDS.index(channel)
        return 100 * (street_model.raw_counter(meter.serial, kind, 0, end) -
                      street_model.raw_counter(meter.serial, kind, 0, end - SLOT_S))

    active = _phases(power("A+"))
    reactive = _phases(power("R+")) if meter.has["R+"] else [0, 0, 0]
    apparent = [math.isqrt(p * p + q * q) for p, q in zip(active, reactive)]
    sign = -1 if meter.has["A-"] and slot % 16 == 5 else 1
    ab, bc = (_around(meter.serial, x, slot, 12000, 100) for x in (20, 21))
    ac = 36000 - ab - bc
    made = {"FREQ": 10 * _around(meter.serial, 30, slot, 5000, 5), "PHangB": 10 * ab,
            "PhangC": 10 * (ac if meter.is_mercury else -ac)}		# a CE tells CA
    for i, phase in enumerate("abc"):
        volt = _around(meter.serial, i, slot, 23000, 500)
        made["W" + phase] = sign * 10 * active[i]
        made["VA" + phase] = 10 * apparent[i]
        if not meter.is_mercury:	# not among its parameters: derived from P and Q
            made["VA" + phase] = math.isqrt(100 * (active[i] * active[i] + reactive[i] * reactive[i]))
        made["U" + phase] = 10 * volt
        made["I" + phase] = apparent[i] * 1000 // volt
    return made
