"""A head-end for RTU-327, written from the specification (rtu-327.md) and sharing no code with the
server under test.  Standard library only.

    with Client(("127.0.0.1", 7777)) as head_end:
        print(head_end.version())
        profile = head_end.lp("4124407232", mask=15, tstart=0, count=48)

A reply with a result code other than 0 raises Refused.  For faults, use send(), receive() and
frame() directly.
"""

import socket
import struct
import time

GETVERSION, GETMAXLOGID, GETSHORTLP, GETTESTS, GETAUTOREAD = 3, 101, 105, 107, 109
GETLP, GETSHPRM, GETPOK, GETTIME, SETTIME, GETMTRLOG, GETLOG = 111, 112, 113, 114, 115, 116, 117

OK, SERVER_ERROR, NO_MORE_DATA, DATABASE_ERROR, NO_METER, BAD_COMMAND = 0, 1, 2, 3, 4, 5
BAD_PARAMETERS, WRONG_INTERVAL, NO_DATA, WRONG_PASSWORD, NO_RIGHTS, BAD_CRC = 6, 7, 8, 10, 11, 60

CHANNELS = ("A+", "A-", "R+", "R-")
QUALITY = {
    1: "Wa", 2: "Wb", 3: "Wc", 4: "VAa", 5: "VAb", 6: "VAc", 7: "FREQ", 8: "Ia", 9: "Ib", 10: "Ic",
    11: "Ua", 12: "Ub", 13: "Uc", 14: "PFangA", 15: "PFangB", 16: "PFangC", 17: "PHangB",
    18: "PhangC",
}
MISSING = -1.0


class Refused(Exception):
    """The server answered with a result code other than 0."""

    def __init__(self, code):
        super().__init__("result code %d" % code)
        self.code = code


class Broken(Exception):
    """What came is not a reply to our request."""


def _table():
    table = []
    for i in range(256):
        value = i << 8
        for _ in range(8):
            value = (value << 1) ^ 0x1021 if value & 0x8000 else value << 1
        table.append(value & 0xFFFF)
    return table


_TABLE = _table()


def crc(body, signed=True):
    """Checksum over a body: bytes enter at the low end, widened with their sign."""
    value = 0xFFFF
    for byte in body:
        wide = byte | 0xFF00 if signed and byte >= 0x80 else byte
        value = (_TABLE[value >> 8] ^ (value << 8) ^ wide) & 0xFFFF
    return value


def frame(number, code, data=b"", password=b"\0\0\0\0", signed=True):
    """The bytes of one frame; number is two bytes or an integer."""
    if isinstance(number, int):
        number = struct.pack(">H", number & 0xFFFF)
    body = number + password + b"\0\0" + bytes([code]) + data
    return b"\x02" + struct.pack(">H", len(body)) + body + struct.pack(">H", crc(body, signed))


def bcd5(serial):
    digits = serial.rjust(10, "0")
    if len(digits) != 10 or not digits.isdigit():
        raise ValueError("serial number %r" % serial)
    return bytes.fromhex(digits)


def password_bytes(text):
    """Eight hexadecimal digits, or up to four characters padded with zeros."""
    if isinstance(text, bytes):
        return text
    if len(text) == 8:
        return bytes.fromhex(text)
    return text.encode("ascii").ljust(4, b"\0")


def channels(mask):
    return [name for bit, name in enumerate(CHANNELS) if mask >> bit & 1]


class Client:
    def __init__(self, address, password="00000000", timeout=10.0, signed=True):
        self.password = password_bytes(password)
        self.signed = signed
        self.number = 0
        self.sock = socket.create_connection(address, timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    # ---- frames ----

    def send(self, data):
        self.sock.sendall(data)

    def _exactly(self, n):
        data = b""
        while len(data) < n:
            part = self.sock.recv(n - len(data))
            if not part:
                raise EOFError("closed by the server")
            data += part
        return data

    def receive(self):
        """The next reply: (number, code, data)."""
        head = self._exactly(3)
        if head[0] != 2:
            raise Broken("reply begins with %02x" % head[0])
        size = struct.unpack(">H", head[1:])[0]
        if size < 9:
            raise Broken("reply of length %d" % size)
        body = self._exactly(size)
        check = struct.unpack(">H", self._exactly(2))[0]
        if check != crc(body, self.signed):
            raise Broken("checksum %04x, expected %04x" % (check, crc(body, self.signed)))
        if body[2:8] != bytes(6):
            raise Broken("reserved bytes are not zero")
        if body[8] != OK and size != 9:
            raise Broken("an error reply with data")
        return body[:2], body[8], body[9:]

    def request(self, code, data=b"", number=None):
        """Sends a request and returns the frame, for pipelining."""
        if number is None:
            self.number = (self.number + 1) & 0xFFFF
            number = self.number
        made = frame(number, code, data, self.password, self.signed)
        self.send(made)
        return made

    def exchange(self, code, data=b"", number=None):
        """Asks and returns the data of the reply."""
        sent = self.request(code, data, number)
        number, result, reply = self.receive()
        if number != sent[3:5]:
            raise Broken("reply to %s, asked %s" % (number.hex(), sent[3:5].hex()))
        if result != OK:
            raise Refused(result)
        return reply

    # ---- commands ----

    def version(self):
        return self.exchange(GETVERSION).decode("ascii")

    def time(self):
        return struct.unpack("<I", self.exchange(GETTIME))[0]

    def settime(self, delta, number=None):
        if self.exchange(SETTIME, struct.pack("<i", delta), number):
            raise Broken("SETTIME answered with data")

    def shprm(self, serial):
        names = ("vers", "type", "kt", "kn", "m", "interval", "obj_type", "obj_num", "feeder")
        return dict(zip(names, struct.unpack("<hBdddBiii", self.exchange(GETSHPRM, bcd5(serial)))))

    def pok(self, serial, when, mask=15):
        reply = self.exchange(GETPOK, bcd5(serial) + struct.pack("<BI", mask, when))
        names = channels(mask)
        return dict(zip(names, struct.unpack("<%dd" % len(names), reply)))

    def _intervals(self, reply, mask, with_stat):
        count, status, last = struct.unpack_from("<HBI", reply)
        if not count & 0x8000:
            raise Broken("bit 15 of the count is not set")
        count &= 0x7FFF
        names = channels(mask)
        one = struct.Struct("<%dd%s" % (len(names), "B" if with_stat else ""))
        if len(reply) != 7 + count * one.size:
            raise Broken("%d intervals in %d bytes" % (count, len(reply)))
        intervals = []
        for at in range(7, len(reply), one.size):
            values = one.unpack_from(reply, at)
            item = dict(zip(names, values))
            if with_stat:
                item["stat"] = values[-1]
            intervals.append(item)
        return {"status": status, "tlast": last, "intervals": intervals}

    def lp(self, serial, tstart=0, count=48, mask=15):
        reply = self.exchange(GETLP, bcd5(serial) + struct.pack("<BIH", mask, tstart, count))
        return self._intervals(reply, mask, True)

    def short_lp(self, serial, tstart=0, count=48, mask=15, interval=0):
        reply = self.exchange(
            GETSHORTLP, bcd5(serial) + struct.pack("<BBIH", mask, interval, tstart, count))
        return self._intervals(reply, mask, False)

    def profile(self, serial, tstart=0, mask=15, count=1488, interval_min=None):
        """The whole stored profile from tstart on, run by run: [(stamp, {channel: kWh})]."""
        if interval_min is None:
            interval_min = self.shprm(serial)["interval"]
        made = []
        while True:
            try:
                run = self.lp(serial, tstart, count, mask)
            except Refused as refused:
                if refused.code in (NO_MORE_DATA, NO_DATA):
                    return made
                raise
            n = len(run["intervals"])
            for i, item in enumerate(run["intervals"]):
                made.append((run["tlast"] - (n - 1 - i) * interval_min * 60, item))
            tstart = run["tlast"] + 1

    def tests(self, serial, tstart=0, count=255):
        reply = self.exchange(GETTESTS, bcd5(serial) + struct.pack("<IB", tstart, count))
        bits, n, elements = struct.unpack_from("<IBB", reply)
        names = [QUALITY.get(bit, "bit%d" % bit) for bit in range(32) if bits >> bit & 1]
        one = struct.Struct("<I%dd" % len(names))
        if len(reply) != 6 + n * one.size:
            raise Broken("%d slices in %d bytes" % (n, len(reply)))
        slices = []
        for at in range(6, len(reply), one.size):
            values = one.unpack_from(reply, at)
            slices.append(dict(zip(["time"] + names, values)))
        return {"bitstats": bits, "elements": elements, "slices": slices}

    def autoread(self, serial, tday=0, channel=1, count=255):
        reply = self.exchange(GETAUTOREAD, bcd5(serial) + struct.pack("<IBB", tday, channel, count))
        if len(reply) % 198:
            raise Broken("%d bytes of fixed readings" % len(reply))
        records = []
        for at in range(0, len(reply), 198):
            values = struct.unpack_from("<10sI" + "ddIdd" * 4 + "d4d", reply, at)
            tariffs = [
                dict(zip(("energy", "max", "max_time", "cum_max", "coinc_max"),
                         values[2 + 5 * i:7 + 5 * i])) for i in range(4)
            ]
            records.append({
                "serial": values[0].decode("ascii"), "time": values[1], "tariffs": tariffs,
                "total": values[22], "quadrants": list(values[23:]),
            })
        return records

    def mtrlog(self, serial, tstart=0, count=1000):
        reply = self.exchange(GETMTRLOG, bcd5(serial) + struct.pack("<IH", tstart, count))
        if len(reply) % 6:
            raise Broken("%d bytes of events" % len(reply))
        return [{"time": at, "type": kind} for at, kind in struct.iter_unpack("<IH", reply)]

    def maxlogid(self, section=1):
        return struct.unpack("<I", self.exchange(GETMAXLOGID, bytes([section])))[0]

    def log(self, after=0, count=100, big_endian=False):
        order = ">" if big_endian else "<"
        reply = self.exchange(GETLOG, struct.pack(order + "IIH", 1, after, count))
        events, at = [], 0
        while at < len(reply):
            number, code, dev, when, size = struct.unpack_from("<IHBIH", reply, at)
            at += 13
            events.append({"id": number, "code": code, "dev": dev, "time": when,
                           "param": reply[at:at + size].hex()})
            at += size
        return events


def wait_for(address, seconds=10.0):
    """Waits until somebody accepts connections there."""
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(address, 1.0).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
