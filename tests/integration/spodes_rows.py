"""Simulated СПОДЭС meters of every sort, and the rows of the meter table that fit them."""

import csv
import io

FAST = 921600
EK, AK = bytes(range(16)), bytes(range(0xD0, 0xE0))
SECRET = "1234567890ABCDEF"
GMAC = {"auth_reader": "gmac", "auth_configurator": "gmac", "security": "ciphered"}


def frames(info, window=1, pdu=512, **more):
    return dict({"info_tx": info, "info_rx": info, "window_tx": window, "window_rx": window, "max_pdu": pdu}, **more)


def entry(serial, kind="spodes", **keys):
    keys.pop("options", None)
    return dict({"type": kind, "serial": str(serial), "speed": FAST}, **keys)


def auth_of(given, secret, security):
    """The option of one level, and the password that goes with it."""
    if given == "gmac":
        return "gmac-enc" if security == "ciphered" else "gmac", EK + AK
    return given, secret


def fitted(row, keys, options):
    """A row of the meter table as a person fills it in for such a meter."""
    security = keys.get("security", "plain")
    rd, row["pass_rd"] = auth_of(keys.get("auth_reader", "lls"), bytes.fromhex(row["pass_rd"]), security)
    wr, row["pass_wr"] = auth_of(keys.get("auth_configurator", "hls2"), bytes.fromhex(row["pass_wr"]), security)
    said = ["auth=" + rd] if rd == wr else ["auth_rd=" + rd] * (rd != "lls") + ["auth_wr=" + wr] * (wr != "hls2")
    said += [options] * bool(options) + ["model=mercury"] * (keys["type"] == "spodes-mercury")
    if keys.get("transport") == "wrapper":
        row["addr"] = row["addr"].split("/")[0] + "/"
    row["addr"] += "".join(";" + s for s in said)
    row["pass_rd"], row["pass_wr"] = row["pass_rd"].hex(), row["pass_wr"].hex()
    return row


def as_csv(rows):
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0].keys(), delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
