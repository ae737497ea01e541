"""Rows of the settings tables made of their schemas, with what schemas leave open filled in.

    maker = Maker(schemas, endpoint, random.Random(7))
    wrapper, schema = maker.row()           # "Settings", "Meters", or None for a table of one row
    row = maker.make(schema, "all")         # or "none", "null": what becomes of optional members
"""

# Texts that schemas leave free and the device does not (smart-json.md 7, 8).
FITTING = {"ip": ["10.0.0.1", "192.168.7.20"], "netmask": ["255.255.0.0", "255.255.255.252"], "gw": ["", "10.1.1.1"],
           "dns1": ["", "1.1.1.1"], "dns2": [""], "server": ["10.0.0.1"], "peer": ["10.0.0.2"], "pin": ["", "4071"],
           "typeName": ["Mercury23x", "MILUR IC", "SPODES_M2XX", "m23x"], "ifaceName": ["Iface1", "hub", "Ethernet"],
           "ifaceCfg": [None, "", "9600,8n1", "9600,7e1", 9600], "addr": ["72", "gate.example.net", "ТЕСТ"],
           "passRd": ["010101010101", ""], "passWr": ["020202020202", "пароль"]}
BOUNDS = {"min": 59, "hour": 23, "day": 31, "month": 12, "IOA": 16777215, "CASDU": 65535, "k": 32767, "w": 32767,
          "t0": 255, "t1": 255, "t2": 255, "t3": 172800, "port": 65535, "pId": 0, "eventType": 1, "crypto": 3,
          "cropt": 3}
METER_TYPES = [*range(1, 7), *range(8, 12), 17, *range(22, 37), 91, 92, 93, 94, 192]


class Maker:
    """Rows that the schema of an endpoint allows."""

    def __init__(self, schemas, endpoint, dice):
        self.definitions = schemas.files[endpoint["file"]]["definitions"]
        self.dice, self.whole = dice, self.definitions[endpoint["request"]]

    def resolve(self, schema):
        while "$ref" in schema:
            schema = self.definitions[schema["$ref"].rsplit("/", 1)[1]]
        return schema

    def integer(self, schema, name):
        least, most = schema.get("minimum", 0), schema.get("maximum", 2147483647)
        if name in ("id", "port"):
            least = max(least, 1)
        most = min(most, BOUNDS.get(name, most))
        if name == "type" and "maximum" not in schema:
            return self.dice.choice(METER_TYPES)
        return self.dice.choice((least, most, self.dice.randint(least, most)))

    def text(self, schema):
        least, most = max(schema.get("minLength", 0), 3), min(schema.get("maxLength", 60), 60)
        letters = "abcXYZ 019_-.яЖё\"\\/<&'\t€\U0001F600"
        return "".join(self.dice.choice(letters) for _ in range(self.dice.randint(least, max(least, most // 2))))

    def value(self, schema, name=""):
        schema = self.resolve(schema)
        if name in FITTING and schema.get("type") not in ("array", "integer"):
            return self.dice.choice(FITTING[name])
        if "enum" in schema:
            return self.dice.choice(schema["enum"])
        kind = schema.get("type", "string")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "array":
            items = self.resolve(schema.get("items", {}))
            if items.get("type") == "integer":
                items = dict(items, minimum=max(1, items.get("minimum", 1)))
            return [self.value(items) for _ in range(self.dice.randint(schema.get("minItems", 0), 2))]
        if kind in ("integer", "number"):
            return self.integer(schema, name)
        return self.dice.random() < 0.5 if kind == "boolean" else self.text(schema)

    def row(self):
        schema = self.resolve(self.whole)
        for wrapper in ("Settings", "Meters"):
            if wrapper in schema.get("properties", {}):
                return wrapper, self.resolve(self.resolve(schema["properties"][wrapper])["items"])
        return None, schema

    def make(self, schema, optional):
        """optional: "all", "none", or "null"."""
        row = {}
        for name, of in schema["properties"].items():
            if name in ("archId", "free"):
                continue
            if name in schema.get("required", ()) or optional == "all":
                row[name] = self.value(of, name)
            elif optional == "null":
                row[name] = None
        return row
