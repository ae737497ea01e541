"""Recomputes everything a street's archive holds, record by record, from the documented model."""

import street_model
import street_spodes

TARIFFS = range(5)
SLOT = 1800


class Meter:
    """One simulated meter and what it must have told."""

    def __init__(self, row, entry, outages, begin):
        self.begin = begin  # local second at which its archives begin
        self.id = row["id"]
        self.serial_text = row["serial"]
        self.serial = int(row["serial"])
        self.kind = entry["type"]
        self.outages = outages
        self.entry = entry
        reactive = entry.get("reactive", self.kind != "ce301")
        one_way = self.kind.startswith("mercury230") or not reactive
        directions = entry.get("directions", 1 if one_way else 2)
        self.has = {"A+": True, "A-": directions == 2, "R+": reactive, "R-": reactive and directions == 2}
        self.is_mercury = self.kind.startswith("mercury")
        self.is_spodes = self.kind.startswith("spodes")
        # Old firmware keeps its archives in half-pulses (meter-mercury-set.md 2.7), Energomera in mWh.
        self.is_fine = not self.is_mercury or self.kind.endswith(("-old", "-217"))
        if self.is_spodes:      # a register of whole Wh unless its scaler says more
            self.is_fine = entry.get("energy_scaler", -3 if self.kind == "spodes-nartis" else 0) < 0

    def energy(self, channel, tariff, local):
        """Thousandths of Wh, or None when the meter does not keep the channel."""
        if not self.has[channel]:
            return None
        if self.is_fine:
            return street_model.mwh(self.serial, channel, tariff, local, self.outages)
        return 1000 * street_model.wh(self.serial, channel, tariff, local, self.outages)

    def power(self, channel, local):
        """Mean power of the half hour that ends at `local`, thousandths of W; None = none kept."""
        if not self.has[channel] or local <= self.begin:
            return None
        pulses = street_model.profile(self.serial, channel, local, self.outages)
        return None if pulses is None else pulses * 1000


def street_meters(street, ready, rows):
    by_serial = {row["serial"]: row for row in rows}
    begin = 0
    if "history_days" in street:
        begin = (ready["base"] // 86400 - street["history_days"]) * 86400
    return [Meter(by_serial[serial], entry, outages, begin)
            for _, entry, serial, outages in street_model.meters(street, ready["base"])]


def thousandths(value):
    return None if value is None else round(value * 1000)


def _compare(meter, what, ts, got, wanted, wrong):
    if thousandths(got) != wanted:
        wrong.append("meter %s %s at %d: stored %r, model %r" % (meter.id, what, ts, got, wanted))


def check_energy(meter, kind, records, tz, wrong):
    for record in records:
        if not record.get("valid", True):
            continue
        for channel in meter.has:
            for tariff in TARIFFS:
                tag = "%s%d" % (channel, tariff)
                _compare(meter, "%s %s" % (kind, tag), record["ts"], record["values"].get(tag),
                         meter.energy(channel, tariff, record["ts"] + tz), wrong)


def check_profile(meter, records, tz, wrong):
    for record in records:
        if not record.get("valid", True):
            continue
        local = record["ts"] + tz
        off = street_model.off_seconds(local - SLOT, local, meter.outages)
        for channel, tag in zip(meter.has, ("P+", "P-", "Q+", "Q-")):
            _compare(meter, "profile " + tag, record["ts"], record["values"].get(tag),
                     meter.power(channel, local), wrong)
        if meter.is_spodes and (not record["isMeas"] or record["isPart"] != (off > 0)):
            wrong.append("meter %s slice %d: isMeas %r isPart %r, %d s without supply" %
                         (meter.id, record["ts"], record["isMeas"], record["isPart"], off))
        if meter.is_mercury and record["isMeas"] != (off < SLOT and local > meter.begin):
            wrong.append("meter %s slice %d: isMeas %r, %d s without supply" %
                         (meter.id, record["ts"], record["isMeas"], off))


def check_meter(daemon, meter, tz, wrong):
    """Returns the number of records compared; appends what is wrong, missing or double."""
    n = 0
    for kind in ("ElDayEnergy", "ElMonthEnergy"):
        records = daemon.data(meter.id, kind)["records"]
        check_energy(meter, kind, records, tz, wrong)
        n += len(records)
    records = daemon.get("data?meter=%s&type=ElArr1ConsPower&markers=1" % meter.id)["records"]
    check_profile(meter, records, tz, wrong)
    stamps = [record["ts"] for record in records]
    if not stamps:
        wrong.append("meter %s: no profile at all" % meter.id)
    for a, b in zip(stamps, stamps[1:]):
        if b - a != SLOT:
            wrong.append("meter %s: profile goes from %d to %d" % (meter.id, a, b))
    return n + len(records)


def check_journals(daemon, meter, now, tz, wrong):
    """All journals of a СПОДЭС meter, event by event.  now: UTC, before which all was read."""
    made = street_spodes.journals(meter.serial, now + tz, meter.outages)
    n = 0
    for name in street_spodes.JOURNALS + street_spodes.NONE:
        records = daemon.data(meter.id, "ElJrnl" + name)["records"]
        got = sorted((r["ts"] + tz, r["values"]["event"], r["values"]["eventId"]) for r in records)
        wanted = made.get(name, [])
        if got != wanted:
            wrong.append("meter %s %s: %d events, model %d; only here %r, only there %r" % (
                meter.id, name, len(got), len(wanted), sorted(set(got) - set(wanted))[:3],
                sorted(set(wanted) - set(got))[:3]))
        n += len(got)
    return n


def check_street(daemon, street, meters):
    tz = street.get("tz_min", 180) * 60
    wrong, n = [], 0
    for meter in meters:
        n += check_meter(daemon, meter, tz, wrong)
    assert not wrong, "%d of %d records wrong, such as: %s" % (len(wrong), n, "; ".join(wrong[:5]))
    assert n > 0
    return n
