#!/usr/bin/env python3
"""Every frame and answer size, and every way in which makers of СПОДЭС meters differ, one meter each behind
a port of its own: archives and journals are the model's, whatever the road to them."""

import itertools
import sys
import time

import street_check
from spodes_rows import FAST, GMAC, as_csv, entry, fitted, frames
from uspd import Daemon, Directory, Report, Street

SIZES = [frames(info, window, pdu, options="hdlc_info=%d;hdlc_window=%d" % (info, window))
         for info, window, pdu in itertools.product((64, 128, 248, 512, 1024, 2030), (1, 3, 7), (64, 256, 1024, 8192))]
LOAD = ["0.0.1.0.0", "1.0.1.29.0", "1.0.2.29.0", "1.0.3.29.0", "1.0.4.29.0"]
WAYS = [
    {"with_list": False}, {"list_cut": True}, {"column_select": False}, {"newest_first": True},
    {"scale_profiles": False}, {"scale_reversed": True}, {"null_rows": True}, {"compact_rows": True},
    {"surplus": 18}, {"invoke_id": 0}, {"invoke_id": 129}, {"energy_scaler": -3}, {"energy_scaler": -4},
    {"load_scaler": -3}, {"deviation_min": 180}, {"deviation_min": -32768}, {"clock_status": 255},
    {"code_octets": 2}, {"code_octets": 4}, {"range": "own"}, {"range": "refused"}, {"range": "ignored"},
    {"range": "refused", "newest_first": True}, {"range": "ignored", "max_pdu": 8192, "info_tx": 1024},
    {"entry": "refused"}, {"strict_conformance": True}, {"bare_exceptions": True}, {"set_exception": True},
    {"push_every": 7}, {"drop_every": 60}, {"one_client": True}, {"disc_first": True}, {"ua": "empty"},
    {"ua": "two"}, {"log_extra": True}, {"wrong_log_names": True}, {"day_end": True, "options": "day_stamp=end"},
    {"address_size": 4}, {"logical": 2}, {"address_size": 1, "address": 1},
    {"load_columns": LOAD[:1] + LOAD[:0:-1]}, {"password_pad16": True, "options": "pw_pad16=1"},
    {"client_reader": 33, "client_configurator": 49, "options": "client_rd=33;client_wr=49"},
    dict(GMAC, general_protection=True), dict(GMAC, counter_restarts=True), dict(GMAC, reuse_counter=True),
    dict(GMAC, counter_own=100000, counter_seen=200000), dict(GMAC, transport="wrapper", no_release=True),
    dict(GMAC, transport="wrapper", drop_every=0, max_pdu=256), {"transport": "wrapper", "surplus": 18},
    {"type": "spodes-nartis"}, {"type": "spodes-rim"}, {"type": "spodes-milur"}, {"type": "spodes-mercury"},
]
FAULTS = [{"damaged": 3}, {"partial": 3}, {"noise": 5}, {"foreign": 3}]
BATCH = 12


def street_of(chosen):
    buses = []
    for i, keys in enumerate(chosen):
        keys = dict({"address": 16}, **keys)
        made = entry(73000001 + i, keys.pop("type", "spodes"), **keys)
        buses.append({"name": "port%d" % i, "tcp": "127.0.0.1:0", "speed": FAST, "meters": [made]})
    return {"tz_min": 180, "history_days": 35, "buses": buses}


def fill(daemon):
    end = time.monotonic() + 90
    while True:
        daemon.get("status")
        left = [(r["id"], r["addr"], r["state"], r["missing"], r["error"]) for r in daemon.get("meters?limit=1000")["rows"]
                if r["state"] != "ok" or r["missing"] or not daemon.data(r["id"], "ElJrnlTimeCorr")["records"]]
        if not left:
            return
        assert time.monotonic() < end, left
        time.sleep(0.5)


def compare(daemon, street, meters):
    wrong = []
    for meter in meters:
        street_check.check_meter(daemon, meter, 10800, wrong)
        street_check.check_journals(daemon, meter, int(time.time()), 10800, wrong)
    assert not wrong, (len(wrong), wrong[:4])


def batch(chosen):
    shape = street_of(chosen)
    with Directory() as directory:
        street = Street(directory, shape, "--unpaced")
        daemon = Daemon(directory, street.links)
        daemon.put_settings(poll__backfill_days=5, poll__journal_min=1440, poll__eth_workers=BATCH)
        rows = [fitted(row, bus["meters"][0], keys.get("options", ""))
                for row, bus, keys in zip(street.meters(), shape["buses"], chosen)]
        daemon.import_meters(as_csv(rows))
        try:
            fill(daemon)
            compare(daemon, shape, street_check.street_meters(shape, street.ready, rows))
        finally:
            daemon.stop()
            street.stop()


def main():
    report = Report()
    faults = [{"faults": f, **frames(128, pdu=512)} for f in FAULTS]
    for name, all_of in (("ways", WAYS), ("faults", faults), ("sizes", SIZES)):
        if len(sys.argv) > 1 and name not in sys.argv[1:]:
            continue
        for i in range(0, len(all_of), BATCH):
            report.case("%s %d to %d" % (name, i, min(i + BATCH, len(all_of)) - 1), batch, all_of[i:i + BATCH])
    report.end()


main()
